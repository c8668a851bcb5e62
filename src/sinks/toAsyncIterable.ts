import type { Observable } from 'rxjs';
import { checkSink, type SinkOptions } from './SinkOptions.ts';
import { PullQueue } from './PullQueue.ts';

/**
 * Converts an Observable to an async iterable, for `for await`.
 *
 * ```text
 * source     --a-bc------d--|
 * next()     -1-2---3---4--5-     numbered calls
 * results    --a-b--c----d--.     the last is `done`
 * ```
 *
 * - Each iterator subscribes to the source at the first call of `next()`.
 * - Slow loop: pass the same `valve` to the source and to this function. The source then waits while
 *   `highWaterMark` values are waiting or being handled in the loop. Without a valve, waiting values are
 *   buffered, without a limit.
 * - Error: thrown after all values before it.
 * - `break`, `return` or a `throw` in the loop: the source is unsubscribed at once, which aborts the
 *   request. A pending `next()` resolves with `done`.
 *
 * @throws TypeError when `source` is not an Observable.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, textOnly, toAsyncIterable, Valve } from 'claude-rx';
 *
 * declare const speak: (text: string) => Promise<void>;
 *
 * async function say(client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) {
 *   const valve = new Valve({ highWaterMark: 16 });
 *   const texts = fromMessages(client, params, { valve }).pipe(textOnly());
 *   for await (const text of toAsyncIterable(texts, { valve })) await speak(text);
 * }
 * ```
 */
export function toAsyncIterable<T>(
  source: Observable<T>,
  options: SinkOptions = {},
): AsyncIterable<T> {
  checkSink('toAsyncIterable', source, options);
  return { [Symbol.asyncIterator]: () => iteratorOf(source, options) };
}

function iteratorOf<T>(source: Observable<T>, { valve }: SinkOptions): AsyncIterableIterator<T> {
  let waiting: PullQueue<T> | undefined;
  let isDone = false;
  // Calls resolve in order, also if `next()` is called again before the previous call has resolved.
  let last: Promise<unknown> = Promise.resolve();
  const done = { done: true, value: undefined } as const;

  const pull = async (): Promise<IteratorResult<T, undefined>> => {
    if (isDone) return done;
    waiting ??= new PullQueue(source, valve);
    try {
      const values = await waiting.pull(1);
      if (values.length > 0 && !waiting.isStopped) return { done: false, value: values[0]! };
    } catch (error) {
      isDone = true;
      throw error;
    }
    isDone = true;
    return done;
  };
  const stop = () => {
    isDone = true;
    waiting?.stop();
  };
  return {
    next() {
      const result = last.then(pull);
      last = result.catch(() => {});
      return result;
    },
    async return() {
      stop();
      return done;
    },
    async throw(error) {
      stop();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
