import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExpectedUse, TokenBucket } from '../../../src/traffic/TokenBucket.ts';
import { rounds } from '../../support/rounds.ts';

const LIMIT = 6_000;
const PER_MS = LIMIT / 60_000;

/** The level after so many milliseconds, if all goes as expected. */
function levelAt(ms: number, level: number, expected: readonly ExpectedUse[]): number {
  const taken = expected.map((use) => use.amount * (use.ms <= ms ? 1 : ms / use.ms));
  return level + ms * PER_MS - taken.reduce((sum, amount) => sum + amount, 0);
}

describe('TokenBucket.wait', () => {
  it('lasts until the amount is available', () => {
    expect(new TokenBucket(LIMIT, 0, 1_000).wait(1_500, 0)).toBe(5_000);
    expect(new TokenBucket(LIMIT, 0, 1_500).wait(1_500, 0)).toBe(0);
  });

  it('lasts until the bucket is full for an amount above the capacity', () => {
    expect(new TokenBucket(LIMIT, 0, 0).wait(9_000, 0)).toBe(60_000);
  });

  it.each<[string, ExpectedUse[], number]>([
    ['what is taken at once', [{ amount: 500, ms: 0 }], 5_000],
    ['what is refilled as fast as it is taken', [{ amount: 6_000, ms: 60_000 }], 0],
    ['what is taken faster than it is refilled', [{ amount: 2_000, ms: 10_000 }], 20_000],
  ])('takes into account %s', (_, expected, wait) => {
    expect(new TokenBucket(LIMIT, 0, 1_000).wait(1_000, 0, expected)).toBeCloseTo(wait, 3);
  });

  it('lasts until the next window of a limit with windows', () => {
    const bucket = () => new TokenBucket(LIMIT, 0, 1_000, { fullAt: 700 });
    expect(bucket().wait(1_000, 0)).toBe(0);
    expect(bucket().wait(1_000, 0, [{ amount: 1, ms: 90_000 }])).toBe(700);
  });

  it('lasts until the amount stays available, whatever is expected', () => {
    const use = fc.record({
      amount: fc.integer({ min: 1, max: 8_000 }),
      ms: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 200_000 })),
    });
    const level = fc.integer({ min: -9_000, max: LIMIT });
    const property = fc.property(
      level,
      fc.integer({ min: 1, max: LIMIT }),
      fc.array(use, { maxLength: 12 }),
      (start, amount, uses) => {
        const expected = uses.toSorted((one, other) => one.ms - other.ms);
        const wait = new TokenBucket(LIMIT, 0, start).wait(amount, 0, expected);
        const ends = expected.map(({ ms }) => ms).filter((ms) => ms > wait);
        for (const ms of [wait, ...ends]) {
          expect(levelAt(ms, start, expected)).toBeGreaterThan(amount - 0.01);
        }
        // Not later than it need be.
        if (wait > 0) expect(levelAt(wait - 1, start, expected)).toBeLessThan(amount + 0.01);
      },
    );
    fc.assert(property, { numRuns: rounds(500) });
  });
});
