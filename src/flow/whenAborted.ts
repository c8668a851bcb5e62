import { Observable } from 'rxjs';
import { fromAbort } from '../message/toMessageStreamError.ts';

/** Those who wait for one signal. */
interface Waiting {
  readonly tasks: Set<() => void>;
  readonly onAbort: () => void;
}

const waiting = /* @__PURE__ */ new WeakMap<AbortSignal, Waiting>();

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
    const { tasks, onAbort } = waiting.get(signal) ?? listening(signal);
    tasks.add(fail);
    return () => {
      tasks.delete(fail);
      if (tasks.size > 0 || waiting.get(signal)?.tasks !== tasks) return;
      waiting.delete(signal);
      signal.removeEventListener('abort', onAbort);
    };
  });
}

function listening(signal: AbortSignal): Waiting {
  const tasks = new Set<() => void>();
  const onAbort = () => {
    for (const task of tasks) task();
  };
  const all = { tasks, onAbort };
  waiting.set(signal, all);
  signal.addEventListener('abort', onAbort);
  return all;
}
