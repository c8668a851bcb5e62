import { exponentialBackoff } from 'claude-rx';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const waits = (delay: ReturnType<typeof exponentialBackoff>, retries: number[]): number[] =>
  retries.map((retry) => delay(undefined, retry));

const firstSix = [1, 2, 3, 4, 5, 6];

describe('exponentialBackoff', () => {
  it('doubles from half a second up to eight seconds', () => {
    const delay = exponentialBackoff({ random: () => 0 });
    expect(waits(delay, firstSix)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  it("shortens a wait by up to a quarter, as the SDK's own retries do", () => {
    const delay = exponentialBackoff({ random: () => 1 - Number.EPSILON });
    const quarterLess = [375, 750, 1_500, 3_000, 6_000, 6_000];
    waits(delay, firstSix).forEach((wait, index) => expect(wait).toBeCloseTo(quarterLess[index]!));
  });

  it('accepts options for first wait, longest wait, factor and jitter', () => {
    const delay = exponentialBackoff({
      initial: 1_000,
      max: 30_000,
      factor: 3,
      jitter: 0.5,
      random: () => 0.5,
    });
    expect(waits(delay, [1, 2, 3, 4, 5])).toEqual([750, 2_250, 6_750, 20_250, 22_500]);
  });

  it('always waits equally long with a factor of 1', () => {
    expect(waits(exponentialBackoff({ factor: 1, jitter: 0 }), firstSix)).toEqual(
      Array.from(firstSix, () => 500),
    );
  });

  it('uses a new random number for each wait', () => {
    const numbers = [0, 0.5, 0.25];
    const delay = exponentialBackoff({ jitter: 1, factor: 1, random: () => numbers.shift()! });
    expect(waits(delay, [1, 1, 1])).toEqual([500, 250, 375]);
  });

  it('uses Math.random by default', () => {
    const delay = exponentialBackoff({ initial: 1_000, factor: 1, jitter: 1 });
    const drawn = new Set(
      waits(
        delay,
        Array.from({ length: 20 }, () => 1),
      ),
    );
    expect(drawn.size).toBeGreaterThan(1);
    for (const wait of drawn) {
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(1_000);
    }
  });

  it('stays at the longest wait however many retries there are', () => {
    const delay = exponentialBackoff({ jitter: 0 });
    expect(waits(delay, [40, 1_100, 2 ** 31, Number.MAX_SAFE_INTEGER])).toEqual([
      8_000, 8_000, 8_000, 8_000,
    ]);
  });

  it('does not wait at all for an initial of 0, also where the power is no number any more', () => {
    expect(waits(exponentialBackoff({ initial: 0 }), [1, 2, 1_100, 2 ** 31])).toEqual([0, 0, 0, 0]);
  });

  it('grows as far as there are numbers where max is Infinity', () => {
    const delay = exponentialBackoff({ max: Infinity, jitter: 0 });
    expect(waits(delay, [1, 21, 1_100])).toEqual([500, 524_288_000, Number.MAX_VALUE]);
  });

  it('returns a wait within the jitter, for any options', () => {
    const milliseconds = fc.double({ min: 0, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(
        milliseconds,
        fc.oneof(milliseconds, fc.constant(Infinity)),
        fc.double({ min: 1, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2 ** 40 })),
        (initial, max, factor, jitter, drawn, retry) => {
          const options = { initial, max, factor, random: () => drawn };
          const longest = exponentialBackoff({ ...options, jitter: 0 })(undefined, retry);
          const wait = exponentialBackoff({ ...options, jitter })(undefined, retry);
          expect(longest).toBeLessThanOrEqual(max);
          expect(longest).toBeGreaterThanOrEqual(Math.min(initial, max));
          expect(wait).toBeLessThanOrEqual(longest);
          expect(wait).toBeGreaterThanOrEqual(longest * (1 - jitter));
        },
      ),
    );
  });

  it.each([
    [{ initial: -1 }, '`initial` must be milliseconds, at least 0 and finite, not -1'],
    [{ initial: Number.NaN }, '`initial` must be milliseconds, at least 0 and finite, not NaN'],
    [{ initial: Infinity }, '`initial` must be milliseconds, at least 0 and finite, not Infinity'],
    [{ max: -5 }, '`max` must be milliseconds, at least 0, not -5'],
    [{ max: Number.NaN }, '`max` must be milliseconds, at least 0, not NaN'],
    [{ factor: 0.5 }, '`factor` must be a number, at least 1 and finite, not 0.5'],
    [{ factor: Number.NaN }, '`factor` must be a number, at least 1 and finite, not NaN'],
    [{ factor: Infinity }, '`factor` must be a number, at least 1 and finite, not Infinity'],
    [{ jitter: -0.1 }, '`jitter` must be a number, at least 0, at most 1, not -0.1'],
    [{ jitter: 25 }, '`jitter` must be a number, at least 0, at most 1, not 25'],
    [{ jitter: Number.NaN }, '`jitter` must be a number, at least 0, at most 1, not NaN'],
    [{ random: 0.5 as never }, '`random` must be a function that returns numbers, not 0.5'],
    [
      { initial: '500' as never },
      "`initial` must be milliseconds, at least 0 and finite, not '500'",
    ],
  ])('refuses %o', (options, message) => {
    expect(() => exponentialBackoff(options)).toThrow(
      new TypeError(`exponentialBackoff: ${message}`),
    );
  });
});
