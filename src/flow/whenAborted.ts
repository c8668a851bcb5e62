import { Observable } from 'rxjs';
import { fromAbort } from '../message/toMessageStreamError.ts';

/** The tasks to run when a signal aborts. */
const tasksOf = /* @__PURE__ */ new WeakMap<EventTarget, Set<() => void>>();

/**
 * Errors with code `aborted` when the signal aborts. All subscribers of a signal share one listener,
 * because Node warns of a memory leak if a signal has more than ten.
 *
 * @throws TypeError when `signal` is not an `AbortSignal`.
 */
export function whenAborted(signal: AbortSignal): Observable<never> {
  if (typeof signal?.addEventListener !== 'function') {
    throw new TypeError('`signal` must be an AbortSignal: pass the `signal` of an AbortController');
  }
  return new Observable<never>((subscriber) => {
    const fail = () => subscriber.error(fromAbort(signal));
    if (signal.aborted) return fail();
    const tasks = tasksOf.get(signal) ?? new Set();
    tasksOf.set(signal, tasks.add(fail));
    // Adding the same listener again has no effect.
    signal.addEventListener('abort', onAbort);
    return () => {
      tasks.delete(fail);
      if (tasks.size === 0) signal.removeEventListener('abort', onAbort);
    };
  });
}

function onAbort({ target }: Event): void {
  for (const task of tasksOf.get(target!) ?? []) task();
}
