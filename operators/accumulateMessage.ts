import { defer, distinctUntilChanged, filter, map, type OperatorFunction } from 'rxjs';
import { MessageBuilder } from '../src/message/MessageBuilder.ts';
import type { AnyStreamEvent, MessageOf } from '../src/message/StreamEvent.ts';

/**
 * Emits the whole message so far, after each event that changes it.
 *
 * ```text
 * source  --m--[--a--p--b--]--x--S|    p: a ping, x: message_delta
 *         accumulateMessage()
 * result  --A--B--C-----D-----E---|
 * ```
 *
 * Each value is an immutable snapshot of the SDK's type `Message` (`BetaMessage` for the events of
 * `client.beta`). A block that has not changed is the same object as in the snapshot before, so a
 * view can compare blocks with `===`.
 *
 * - A tool call that is still being written has the `input` `{}`, and its text so far under the key
 *   `unfinishedInput`.
 * - Usage counters are totals: a new value replaces the old one. A repeated `message_start` changes
 *   nothing; a `message_start` with another id, or after `message_stop`, starts the next message. A
 *   `resume` withdraws blocks.
 * - Error, complete: passed on. The last value contains everything that had arrived.
 * - Unsubscribe: the source is unsubscribed.
 *
 * To render at most once per frame, add `auditFrame()` after this operator.
 *
 * @example
 * ```ts
 * import { accumulateMessage, fromResponse } from 'claude-rx';
 *
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }))
 *   .pipe(accumulateMessage())
 *   .subscribe((message) => console.log(message.content.length, message.usage.output_tokens));
 * ```
 */
export function accumulateMessage<E extends AnyStreamEvent>(): OperatorFunction<E, MessageOf<E>> {
  return (source) =>
    defer(() => {
      const builder = new MessageBuilder<E>();
      return source.pipe(
        map((event) => {
          builder.push(event);
          return builder.message;
        }),
        filter((message) => message !== undefined),
        distinctUntilChanged(),
      );
    });
}
