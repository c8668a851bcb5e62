import { describe, expect, it } from 'vitest';
import {
  invalid,
  type NumberRange,
  requireFunction,
  requireNumbers,
  requireOneOf,
} from '../../../src/flow/require.ts';

describe('requireNumbers', () => {
  it.each<[range: NumberRange, taken: unknown[], refused: [value: unknown, message: string][]]>([
    [
      { min: 0, what: 'milliseconds' },
      [0, 0.5, 1e9, Infinity, undefined],
      [
        [-1, 'f: `n` must be milliseconds, at least 0, not -1'],
        [Number.NaN, 'f: `n` must be milliseconds, at least 0, not NaN'],
        ['5', "f: `n` must be milliseconds, at least 0, not '5'"],
        [null, 'f: `n` must be milliseconds, at least 0, not null'],
        [5n, 'f: `n` must be milliseconds, at least 0, not 5'],
        [{}, 'f: `n` must be milliseconds, at least 0, not an object'],
      ],
    ],
    [
      { above: 0 },
      [0.1, Infinity],
      [
        [0, 'f: `n` must be a number above 0, not 0'],
        [Number.NaN, 'f: `n` must be a number above 0, not NaN'],
      ],
    ],
    [
      { min: 1, whole: true },
      [1, 7, Infinity],
      [
        [0, 'f: `n` must be a whole number, at least 1, not 0'],
        [1.5, 'f: `n` must be a whole number, at least 1, not 1.5'],
      ],
    ],
    [
      { min: 1, max: 9 },
      [1, 9],
      [
        [10, 'f: `n` must be a number, at least 1, at most 9, not 10'],
        [Infinity, 'f: `n` must be a number, at least 1, at most 9, not Infinity'],
      ],
    ],
    [
      { min: 0, max: Number.MAX_VALUE },
      [0, 1e300],
      [[Infinity, 'f: `n` must be a number, at least 0 and finite, not Infinity']],
    ],
    [{}, [-1, 0], [[Number.NaN, 'f: `n` must be a number, not NaN']]],
  ])('%o', (range, taken, refused) => {
    for (const n of taken) expect(() => requireNumbers('f', { n }, range)).not.toThrow();
    for (const [n, message] of refused) {
      expect(() => requireNumbers('f', { n }, range)).toThrow(new TypeError(message));
    }
  });

  it('names the first invalid option', () => {
    expect(() => requireNumbers('f', { a: 1, b: -1, c: -2 }, { min: 0 })).toThrow('`b`');
  });
});

it('requireFunction takes a function only', () => {
  requireFunction('f', 'project', () => 1);
  expect(() => requireFunction('f', 'project', undefined, 'a function of a value')).toThrow(
    new TypeError('f: `project` must be a function of a value, not undefined'),
  );
  expect(() => requireFunction('f', 'project', [])).toThrow('must be a function, not an array');
});

it('requireOneOf takes a known value only', () => {
  requireOneOf('f', 'frame', false, [true, false]);
  expect(() => requireOneOf('f', 'unit', 'line', ['grapheme', 'word'])).toThrow(
    new TypeError("f: `unit` must be 'grapheme' or 'word', not 'line'"),
  );
});

it('invalid shows the beginning of a long text, and not the source of a function', () => {
  expect(invalid('f', 'a', 'b', 'x'.repeat(1_000)).message.length).toBeLessThan(150);
  expect(invalid('f', 'a', 'b', () => 'secret').message).toBe('f: `a` must be b, not a function');
});
