import type { StandardResult, StandardSchema } from 'claude-rx';
import type { Observable } from 'rxjs';
import type { Outcome } from './events.ts';

/** A check that waits for the test to end it. */
export interface Check {
  value: unknown;
  accept(): void;
  refuse(message: string): void;
  /** Not a refusal: the check itself fails. */
  fail(error: unknown): void;
}

/** A schema that takes any value, in the test's own time and order. */
export function manualSchema<T = unknown>(): { schema: StandardSchema<T>; checks: Check[] } {
  const checks: Check[] = [];
  const validate = (value: unknown) =>
    new Promise<StandardResult<T>>((resolve, reject) => {
      checks.push({
        value,
        accept: () => resolve({ value: value as T }),
        refuse: (message) => resolve({ issues: [{ message }] }),
        fail: reject,
      });
    });
  return { schema: { '~standard': { version: 1, vendor: 'test', validate } }, checks };
}

/** Lets all promises go on that can. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What the Observable emits and how it ends, as far as it has come. */
export function outcomeSoFar<T>(observable: Observable<T>): Outcome<T> & { unsubscribe(): void } {
  const outcome: Outcome<T> = { values: [], completed: false };
  const subscription = observable.subscribe({
    next: (value) => outcome.values.push(value),
    error: (error: unknown) => (outcome.error = error),
    complete: () => (outcome.completed = true),
  });
  return Object.assign(outcome, { unsubscribe: () => subscription.unsubscribe() });
}

/** The unhandled rejections while `run` runs; vitest would report them, but not fail this test. */
export async function rejectionsDuring(run: () => void | Promise<void>): Promise<unknown[]> {
  const rejections: unknown[] = [];
  const listener = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', listener);
  await run();
  await turn();
  await turn();
  process.off('unhandledRejection', listener);
  return rejections;
}
