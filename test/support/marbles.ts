import { compareMarbles } from 'claude-rx/testing';
import { configure, type MarblesFunction } from 'rxjs-marbles';
import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

const compare = compareMarbles((actual, expected) => expect(actual).toStrictEqual(expected));

/**
 * rxjs-marbles with vitest's own comparison, whose failures show what was emitted when:
 * `it('...', marbles((m) => { ... }))`. It compares errors by name and message only; use
 * `testScheduler()` where more of an error is of interest.
 */
export const marbles: MarblesFunction = configure({
  assertDeepEqual: compare,
  frameworkMatcher: true,
}).marbles;

/** A TestScheduler of rxjs with vitest's own comparison: `testScheduler().run((helpers) => { ... })`. */
export function testScheduler(): TestScheduler {
  return new TestScheduler(compare);
}
