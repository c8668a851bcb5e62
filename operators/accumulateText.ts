import { defer, distinctUntilChanged, type OperatorFunction, scan, skip, startWith } from 'rxjs';
import { MessageBuilder } from '../src/message/MessageBuilder.ts';
import { textAfter } from '../src/message/messageText.ts';
import type { AnyStreamEvent, EventsOnly } from '../src/message/StreamEvent.ts';

/**
 * Emits the whole text so far, after each event that changes it.
 *
 * ```text
 * source  --m--[--a--b--]--[--c--]--x--S|    [ ]: start and stop of a text block
 *         accumulateText()
 * result  --------A--B--------C---------|    A: a, B: ab, C: abc
 * ```
 *
 * The text blocks are joined with nothing between them. The text becomes shorter when a `resume`
 * withdraws a block, and `''` when a `message_start` begins another message. A reply without text
 * emits nothing.
 *
 * The cost is one concatenation per delta, however long the text is. Searching or rendering each value
 * costs more, because the engine must copy the text first: add `auditFrame()` or `auditTime`.
 *
 * - Error, complete: passed on. The last value contains everything that had arrived.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import { accumulateText, fromResponse } from 'claude-rx';
 * import { auditTime } from 'rxjs';
 *
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }))
 *   .pipe(accumulateText(), auditTime(16))
 *   .subscribe((text) => {
 *     document.querySelector('#reply')!.textContent = text;
 *   });
 * ```
 */
export function accumulateText<E = AnyStreamEvent>(): OperatorFunction<EventsOnly<E>, string>;
export function accumulateText(): OperatorFunction<AnyStreamEvent, string> {
  return (source) =>
    defer(() => {
      const builder = new MessageBuilder<AnyStreamEvent>();
      return source.pipe(
        scan((text, event) => {
          builder.push(event);
          return textAfter(text, event, builder);
        }, ''),
        startWith(''),
        distinctUntilChanged(),
        skip(1),
      );
    });
}
