import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as mini from 'zod/mini';
import { checkWithSchema } from '../../../src/json/checkWithSchema.ts';
import {
  describeIssues,
  type StandardIssue,
  type StandardSchema,
} from '../../../src/json/StandardSchema.ts';
import { rejectionsDuring } from '../../operators/schemas.ts';

const fail = (issues: readonly StandardIssue[]) => new Error(`refused: ${describeIssues(issues)}`);

const schemaOf = (
  validate: StandardSchema['~standard']['validate'],
): StandardSchema<unknown, unknown> => ({ '~standard': { version: 1, vendor: 'test', validate } });

describe('checkWithSchema', () => {
  it('returns the output of the schema synchronously', () => {
    const Schema = z.object({ a: z.string().transform(Number), b: z.number().default(2) });
    expect(checkWithSchema(Schema, { a: '1', other: true }, fail)).toStrictEqual([{ a: 1, b: 2 }]);
  });

  it('throws the error of `fail`', () => {
    const Schema = z.object({ a: z.string('no text') });
    expect(() => checkWithSchema(Schema, { a: 1 }, fail)).toThrow(new Error('refused: a: no text'));
  });

  it('returns a promise if the schema checks asynchronously', async () => {
    const Schema = z.object({ a: z.string().refine(async (a) => a === 'x', 'not x') });
    await expect(checkWithSchema(Schema, { a: 'x' }, fail)).resolves.toStrictEqual({ a: 'x' });
    await expect(checkWithSchema(Schema, { a: 'y' }, fail)).rejects.toThrow(
      new Error('refused: a: not x'),
    );
  });

  it('accepts a promise of any realm or library', async () => {
    const accepts = schemaOf((value) => ({
      // oxlint-disable-next-line unicorn/no-thenable -- the case under test
      then: (onfulfilled) => Promise.resolve({ value }).then(onfulfilled),
    }));
    expect(await checkWithSchema(accepts, 5, fail)).toBe(5);
  });

  it('accepts a value that is undefined, or empty', () => {
    for (const value of [undefined, null, 0, '', false]) {
      expect(
        checkWithSchema(
          schemaOf(() => ({ value })),
          1,
          fail,
        ),
      ).toEqual([value]);
    }
  });

  it('treats an empty list of issues as a refusal', () => {
    expect(() =>
      checkWithSchema(
        schemaOf(() => ({ issues: [] })),
        1,
        fail,
      ),
    ).toThrow(/^refused/);
  });

  it('throws the error of a schema that throws', async () => {
    const bug = new RangeError('a bug');
    const throwing = () => {
      throw bug;
    };
    expect(() => checkWithSchema(schemaOf(throwing), 1, fail)).toThrow(bug);
    expect(() => checkWithSchema(z.string().transform(throwing), 'x', fail)).toThrow(bug);
    const rejecting = schemaOf(() => Promise.reject(bug));
    await expect(checkWithSchema(rejecting, 1, fail)).rejects.toBe(bug);
  });
});

describe.each([
  ['zod', (refine: () => unknown) => z.object({ a: z.string().refine(refine, 'no') })],
  [
    'zod/mini',
    (refine: () => unknown) => mini.object({ a: mini.string().check(mini.refine(refine, 'no')) }),
  ],
])('check with %s', (_library, schemaWith) => {
  const counted = (answer: () => unknown) => {
    let runs = 0;
    const schema = schemaWith(() => (runs++, answer()));
    return { schema, runs: () => runs };
  };

  it('runs an accepting refinement once', async () => {
    const asynchronous = counted(async () => true);
    await checkWithSchema(asynchronous.schema, { a: 'x' }, fail);
    expect(asynchronous.runs()).toBe(1);
    const synchronous = counted(() => true);
    expect(checkWithSchema(synchronous.schema, { a: 'x' }, fail)).toEqual([{ a: 'x' }]);
    expect(synchronous.runs()).toBe(1);
  });

  it('has the messages of a refusal', async () => {
    const refused = new Error('refused: a: no');
    await expect(
      checkWithSchema(
        schemaWith(async () => false),
        { a: 'x' },
        fail,
      ),
    ).rejects.toThrow(refused);
    expect(() =>
      checkWithSchema(
        schemaWith(() => false),
        { a: 'x' },
        fail,
      ),
    ).toThrow(refused);
  });

  it('leaves no unhandled rejection if an asynchronous refinement rejects', async () => {
    const bug = new RangeError('the database is down');
    const { schema, runs } = counted(() => Promise.reject(bug));
    const rejections = await rejectionsDuring(async () => {
      await expect(checkWithSchema(schema, { a: 'x' }, fail)).rejects.toBe(bug);
    });
    expect(rejections).toEqual([]);
    expect(runs()).toBe(1);
  });

  it('agrees with the schema on nested values of all kinds', async () => {
    const { schema: leaf } = counted(async () => true);
    const Schema = z.object({
      list: z.array(z.union([z.number(), z.string().transform((text) => text.length)])),
      tuple: z.tuple([z.literal('x'), z.nullable(z.boolean())]),
      record: z.record(z.string(), z.number().default(3)),
      caught: z.number().catch(7),
      piped: z.string().pipe(z.coerce.number()),
    });
    const value = {
      list: [1, 'four'],
      tuple: ['x', null],
      record: { a: 1 },
      caught: 'no number',
      piped: '12',
    };
    expect(checkWithSchema(Schema, value, fail)).toStrictEqual([Schema.parse(value)]);
    const Async = z.object({ leaf: leaf as unknown as z.ZodType, sync: Schema });
    const both = { leaf: { a: 'x' }, sync: value };
    expect(await checkWithSchema(Async, both, fail)).toStrictEqual(await Async.parseAsync(both));
  });
});
