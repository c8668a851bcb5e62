import { distinctUntilChanged, filter, map, type OperatorFunction } from 'rxjs';
import type { AnyStreamEvent, UsageOf } from '../src/message/StreamEvent.ts';
import { accumulateMessage } from './accumulateMessage.ts';

/**
 * Emits the usage of a reply so far: at `message_start`, and after each `message_delta` that has
 * counters.
 *
 * ```text
 * source  --m--[--a--b--]--x--S|    m: 25 in, 1 out; x: 15 out
 *         accumulateUsage()
 * result  --A--------------B---|    A: 25 in, 1 out; B: 25 in, 15 out
 * ```
 *
 * The counters of a `message_delta` are totals of the whole message: they replace the earlier values
 * and are never added. A counter that is absent or null keeps its earlier value (docs:
 * /docs/en/build-with-claude/streaming). A repeated `message_start` emits nothing. If several messages
 * follow one another, each has its own usage.
 *
 * - Error, complete: passed on. The last value of a reply that broke is a lower bound: it does not
 *   contain the tokens after the last count.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import { accumulateUsage, fromResponse } from 'claude-rx';
 *
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }))
 *   .pipe(accumulateUsage())
 *   .subscribe((usage) => console.log(usage.input_tokens, usage.output_tokens));
 * ```
 */
export function accumulateUsage<E extends AnyStreamEvent>(): OperatorFunction<E, UsageOf<E>> {
  return (source) =>
    source.pipe(
      filter(isOfMessage),
      accumulateMessage(),
      map((message): UsageOf<E> => message.usage),
      distinctUntilChanged(),
    );
}

/** Only these events have token counters, so blocks need not be built. */
function isOfMessage({ type }: AnyStreamEvent): boolean {
  return type === 'message_start' || type === 'message_delta' || type === 'message_stop';
}
