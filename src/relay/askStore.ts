import { catchError, defer, type Observable, retry, tap, throwError, timeout, timer } from 'rxjs';
import { unreachableStore } from './relayErrors.ts';

const SHORTEST_WAIT = 20;
const LONGEST_WAIT = 500;

/**
 * Asks the store until it answers; an error with code `connection` when it has been away for longer
 * than `patience`, in milliseconds.
 */
export function askStore<T>(ask: () => Promise<T>, patience: number): Observable<T> {
  let cause: unknown;
  return defer(ask).pipe(
    tap({ error: (error: unknown) => (cause = error) }),
    retry({ delay: (_, count) => timer(Math.min(SHORTEST_WAIT * 2 ** count, LONGEST_WAIT)) }),
    timeout({ first: patience }),
    // One that was never answered has no cause of its own.
    catchError((late: unknown) => throwError(() => unreachableStore(cause ?? late))),
  );
}
