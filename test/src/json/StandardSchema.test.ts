import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as mini from 'zod/mini';
import {
  describeIssues,
  isSchema,
  plainIssue,
  requireSchema,
  type StandardIssue,
} from '../../../src/json/StandardSchema.ts';

describe('isSchema and requireSchema', () => {
  const validate = () => ({ value: 1 });
  // As ArkType's schemas are.
  const callable = Object.assign(() => {}, { '~standard': { version: 1, vendor: 'a', validate } });

  it.each([
    ['of zod', z.object({})],
    ['of zod/mini', mini.object({})],
    ['of any other library', { '~standard': { version: 1, vendor: 'b', validate } }],
    ['that is a function', callable],
  ])('accept a schema %s', (_title, schema) => {
    expect(isSchema(schema)).toBe(true);
    expect(() => requireSchema('jsonOutput', schema)).not.toThrow();
  });

  it.each([
    undefined,
    null,
    5,
    'string',
    {},
    [],
    { type: 'object' },
    { '~standard': {} },
    () => {},
  ])('refuse %o, with the name of the caller and advice', (value) => {
    expect(isSchema(value)).toBe(false);
    expect(() => requireSchema('jsonOutput', value)).toThrow(
      new TypeError('jsonOutput: pass a Standard Schema, such as one of zod 4: z.object({ ... })'),
    );
  });
});

describe('describeIssues', () => {
  it('has the path and the message of each issue', () => {
    const symbol = Symbol('s');
    const issues: StandardIssue[] = [
      { message: 'too long', path: ['steps', 0, { key: 'text' }] },
      { message: 'not this', path: [symbol] },
      { message: 'empty', path: [] },
      { message: 'no object' },
      { message: 'no path', path: undefined },
    ];
    expect(describeIssues(issues)).toBe(
      'steps.0.text: too long; Symbol(s): not this; empty; no object; no path',
    );
  });

  it('lists five issues, and the number of further ones', () => {
    const issues = Array.from({ length: 1000 }, (_, index) => ({ message: `m${index}` }));
    expect(describeIssues(issues)).toBe('m0; m1; m2; m3; m4; and 995 more');
    expect(describeIssues(issues.slice(0, 6))).toMatch(/; and 1 more$/);
    expect(describeIssues(issues.slice(0, 5))).toBe('m0; m1; m2; m3; m4');
  });

  it('describes issues of zod', () => {
    const Schema = z.object({ steps: z.array(z.object({ text: z.string('no text') })) });
    const { issues } = Schema['~standard'].validate({ steps: [{}] }) as { issues: StandardIssue[] };
    expect(describeIssues(issues)).toBe('steps.0.text: no text');
  });
});

describe('plainIssue', () => {
  it('leaves out extra fields of a library', () => {
    const issue = { message: 'no', path: [{ key: 'a', input: {}, origin: 'value' }, 1], input: {} };
    expect(plainIssue(issue)).toStrictEqual({ message: 'no', path: ['a', 1] });
    expect(plainIssue({ message: 'no' })).toStrictEqual({ message: 'no', path: [] });
  });
});
