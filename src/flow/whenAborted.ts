import { Observable } from 'rxjs';
import { fromAbort } from '../message/toMessageStreamError.ts';

/** What is done when a signal aborts. */
const tasksOf = /* @__PURE__ */ new WeakMap<EventTarget, Set<() => void>>();

/**
 * Errors with code `aborted` when the signal aborts, and holds on to it until then. All that wait for
 * one signal share a listener: Node warns of a leak where a signal has more than ten.
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
    const tasks = tasksOf.get(signal) ?? new Set();
    tasksOf.set(signal, tasks.add(fail));
    // Once, however often it is added.
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
