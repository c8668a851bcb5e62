import { defer, distinctUntilChanged, filter, map, type OperatorFunction } from 'rxjs';
import { MessageBuilder } from '../src/message/MessageBuilder.ts';
import type { AnyStreamEvent, MessageOf } from '../src/message/StreamEvent.ts';

/**
 * Emits the message so far, after each event that changes it.
 *
 * ```text
 * source  --m--[--a--p--b--]--x--S|    p: a ping, x: message_delta
 *         accumulateMessage()
 * result  --A--B--C-----D-----E---|
 * ```
 *
 * Each value is an immutable snapshot of the SDK's type `Message` (`BetaMessage` for the events of
 * `client.beta`) that shares what has not changed with the one before: the same block is the same
 * object, so that `===` tells what to draw again.
 *
 * - The input of a tool call that is still being written is `{}`, its text so far is under the key
 *   `unfinishedInput`.
 * - Usage counters are totals, and replace. A repeated `message_start` changes nothing; one with
 *   another id, or after `message_stop`, starts the next message. A `resume` withdraws blocks.
 * - Error, complete: passed on. The last value is all that had arrived.
 * - Unsubscribe: the source is unsubscribed.
 *
 * A value at each token is more than a screen can show: put `auditTime(16)` behind for one a frame.
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
