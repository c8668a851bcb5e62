import { catchError, defer, type Observable, retry, tap, throwError, timeout, timer } from 'rxjs';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { unreachableStore } from './relayErrors.ts';

const SHORTEST_WAIT = 20;
const LONGEST_WAIT = 500;

/**
 * Sends a request to the store, with retries. Errors with code `connection` when the store has been
 * unavailable for longer than `patience`, in milliseconds. A permanent error is passed on at once.
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
    // After a timeout without any error, the timeout is the cause.
    catchError((error: unknown) =>
      throwError(() => (isPermanent(error) ? error : unreachableStore(cause ?? error))),
    ),
  );
}

/** Whether an error of the store is permanent, so that a retry cannot help. */
export function isPermanent(error: unknown): error is MessageStreamError {
  return error instanceof MessageStreamError && !error.retryable;
}
