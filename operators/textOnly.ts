import { filter, map, type OperatorFunction } from 'rxjs';
import { arrivingText } from '../src/message/messageText.ts';
import type { AnyStreamEvent, EventsOnly } from '../src/message/StreamEvent.ts';

/**
 * Emits the text of a reply, piece by piece, as it arrives.
 *
 * ```text
 * source  --m--[--a--b--]--[--c--]--x--S|    [ ]: start and stop of a text block
 *         textOnly()
 * result  --------a--b--------c---------|
 * ```
 *
 * The pieces joined are the text blocks of the message joined, including text in a
 * `content_block_start`. Nothing is inserted between two blocks, and no piece is empty. A piece may end
 * within a word, or within a character that consists of several code points.
 *
 * Emitted text cannot be withdrawn: if a `resume` may withdraw text, use `accumulateText`.
 *
 * - Error, complete: passed on.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, textOnly } from 'claude-rx';
 *
 * fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user', content: 'Write a haiku about streams.' }],
 * })
 *   .pipe(textOnly())
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function textOnly<E = AnyStreamEvent>(): OperatorFunction<EventsOnly<E>, string>;
export function textOnly(): OperatorFunction<AnyStreamEvent, string> {
  return (source) =>
    source.pipe(
      map(arrivingText),
      filter((text) => text !== ''),
    );
}
