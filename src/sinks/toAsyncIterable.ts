import type { Observable } from 'rxjs';
import { checkSink, type SinkOptions } from './SinkOptions.ts';
import { PullQueue } from './PullQueue.ts';

/**
 * Values to be pulled with `for await`.
 *
 * ```text
 * source     --a-bc------d--|
 * next()     -1-2---3---4--5-     numbered calls
 * results    --a-b--c----d--.     the last is `done`
 * ```
 *
 * - Each iterator subscribes to the source, when its first value is asked for.
 * - Slow loop: give the source and this the same `valve`, and the source waits while so many values
 *   as its mark says are waiting, or are worked on in the loop. Without one, all that waits is kept.
 * - Error: thrown when all values before it have been taken.
 * - `break`, `return` or a `throw` in the loop: the source is unsubscribed at once, which aborts the
 *   request. A `next()` that waits is then `done`.
 *
 * @throws TypeError when `source` is no Observable.
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
  // Calls are answered in their order, also when they are made ahead.
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
