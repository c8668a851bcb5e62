import { catchError, defer, type Observable, retry, tap, throwError, timeout, timer } from 'rxjs';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { unreachableStore } from './relayErrors.ts';

const SHORTEST_WAIT = 20;
const LONGEST_WAIT = 500;

/**
 * Asks the store until it answers; an error with code `connection` when it has been away for longer
 * than `patience`, in milliseconds. An error that does not pass by waiting is passed on at once.
 */
export function askStore<T>(ask: () => Promise<T>, patience: number): Observable<T> {
  let cause: unknown;
  return defer(ask).pipe(
    tap({ error: (error: unknown) => (cause = error) }),
    retry({
      delay: (error: unknown, count) =>
        isPermanent(error)
          ? throwError(() => error)
          : timer(Math.min(SHORTEST_WAIT * 2 ** count, LONGEST_WAIT)),
    }),
    timeout({ first: patience }),
    // One that was never answered has no cause of its own.
    catchError((error: unknown) =>
      throwError(() => (isPermanent(error) ? error : unreachableStore(cause ?? error))),
    ),
  );
}

/** Whether a store has failed in a way that does not pass by waiting. */
export function isPermanent(error: unknown): error is MessageStreamError {
  return error instanceof MessageStreamError && !error.retryable;
}
