import { Observable } from 'rxjs';
import { fromAbort } from '../message/toMessageStreamError.ts';

/**
 * Errors with code `aborted` when the signal aborts, and holds on to it until then.
 *
 * @throws TypeError when `signal` is no `AbortSignal`.
 */
export function whenAborted(signal: AbortSignal): Observable<never> {
  if (typeof signal?.addEventListener !== 'function') {
    throw new TypeError('signal: pass an AbortSignal, such as `controller.signal`');
  }
  return new Observable<never>((subscriber) => {
    const fail = () => subscriber.error(fromAbort(signal));
    if (signal.aborted) return fail();
    signal.addEventListener('abort', fail);
    return () => signal.removeEventListener('abort', fail);
  });
}
