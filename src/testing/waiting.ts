import { LONGEST_TIMER } from '../flow/longestTimer.ts';
import { clearTimeout, setTimeout } from './realTimers.ts';

/** The value, or `undefined` if the signal aborts first. */
export function orAborted<T>(value: PromiseLike<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = () => signal.removeEventListener('abort', onAbort);
    value.then(
      (result) => (settle(), resolve(result)),
      (error) => (settle(), reject(error)),
    );
  });
}

/** Waits, at most until the signal aborts; then no timer is left. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const onEnd = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onEnd);
      resolve();
    };
    const timer = ms === Infinity ? undefined : setTimeout(onEnd, Math.min(ms, LONGEST_TIMER));
    signal.addEventListener('abort', onEnd, { once: true });
  });
}

/** The same values, up to the abort, without waiting for a pending value. */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    while (!signal.aborted) {
      const result = await orAborted(iterator.next(), signal);
      if (result === undefined || result.done) return;
      yield result.value;
    }
  } finally {
    // Not awaited, because a generator answers only after its next value, and the answer is not needed.
    iterator.return?.().then(undefined, () => {});
  }
}
