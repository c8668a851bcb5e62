import { map, type OperatorFunction } from 'rxjs';
import { messageText } from '../src/message/messageText.ts';
import type { AnyStreamEvent, EventsOnly } from '../src/message/StreamEvent.ts';
import { finalMessage } from './finalMessage.ts';

/**
 * Emits the complete text of the message, one value, at `message_stop`.
 *
 * ```text
 * source  --m--[--a--b--]--[--c--]--x--S-----    [ ]: start and stop of a text block
 *         finalText()
 * result  -----------------------------(T|)      T: abc
 * ```
 *
 * The text blocks are joined with nothing between them. The SDK's `finalText()` puts a space between
 * blocks, which breaks a text with citations: its blocks begin and end in the middle of a sentence
 * (SDK src/lib/MessageStream.ts; docs /docs/en/build-with-claude/citations). A message without text
 * emits `''`.
 *
 * If the source has several messages, the value is the text of the first.
 *
 * - Error: a `MessageStreamError` with `partial`. A source that completes before `message_stop` is an
 *   error with code `truncated`.
 * - Complete: at `message_stop` the source is unsubscribed.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { finalText, fromMessages } from 'claude-rx';
 * import { firstValueFrom } from 'rxjs';
 *
 * const title = await firstValueFrom(
 *   fromMessages(new Anthropic(), {
 *     model: 'claude-haiku-4-5',
 *     max_tokens: 50,
 *     messages: [{ role: 'user', content: 'A title for a story about a brook, please.' }],
 *   }).pipe(finalText()),
 * );
 * console.log(title);
 * ```
 */
export function finalText<E = AnyStreamEvent>(): OperatorFunction<EventsOnly<E>, string>;
export function finalText(): OperatorFunction<AnyStreamEvent, string> {
  return (source) => source.pipe(finalMessage(), map(messageText));
}
