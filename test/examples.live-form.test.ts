import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { root, withoutKey } from './support/examples.ts';

describe('examples/live-form.ts', () => {
  let output: string;
  let errors: string;

  beforeAll(async () => {
    const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
    // It ends by itself, with exit code 0; else this throws.
    const run = promisify(execFile)(process.execPath, [tsx, 'examples/live-form.ts'], {
      cwd: root,
      env: withoutKey(),
      timeout: 120_000,
    });
    ({ stdout: output, stderr: errors } = await run);
  });

  const valuesOf = (label: string) =>
    output
      .split('\n')
      .filter((line) => line.startsWith(label))
      .map((line) => line.slice(9));

  it.each(['City', 'Arrival', 'Guest 1', 'Guest 2', 'Wishes'])(
    'prints the field %s as it fills in',
    (label) => {
      const values = valuesOf(label).filter((value) => value !== '...');
      expect(values.length).toBeGreaterThan(1);
      expect(values.filter((value) => !values.at(-1)!.startsWith(value))).toEqual([]);
    },
  );

  it('shows a number when it is whole, and a default at the end', () => {
    expect(valuesOf('Nights')).toEqual(['...', '4']);
    expect(valuesOf('Board')).toEqual(['...', 'breakfast']);
  });

  it('prints last the value that the schema has checked', () => {
    const last = output.slice(output.lastIndexOf('\ncomplete: ') + '\ncomplete: '.length);
    expect(JSON.parse(last)).toEqual({
      city: 'Lisbon',
      arrival: '2027-05-14',
      nights: 4,
      guests: [{ name: 'Ada Lovelace', age: 36 }, { name: 'Charles Babbage' }],
      board: 'breakfast',
      wishes: 'A quiet room with a desk, high up and far from the lift.',
    });
  });

  it('writes plain lines into a pipe, and nothing to standard error', () => {
    expect(output).not.toContain('\x1b');
    expect(errors).toBe('');
  });
});
