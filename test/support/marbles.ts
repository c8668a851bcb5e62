import { configure, type MarblesFunction } from 'rxjs-marbles';
import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

/**
 * rxjs-marbles with vitest's own comparison, so that a failing test shows vitest's diff:
 * `it('...', marbles((m) => { ... }))`. It compares errors by name and message only; use
 * `testScheduler()` where more of an error is of interest.
 */
export const marbles: MarblesFunction = configure({
  assertDeepEqual: (actual: unknown, expected: unknown) => expect(actual).toStrictEqual(expected),
  frameworkMatcher: true,
}).marbles;

/** A TestScheduler of rxjs with vitest's own comparison: `testScheduler().run((helpers) => { ... })`. */
export function testScheduler(): TestScheduler {
  return new TestScheduler((actual: unknown, expected: unknown) =>
    expect(actual).toStrictEqual(expected),
  );
}
