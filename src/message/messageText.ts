import { asString } from './record.ts';
import { isTextDelta } from './guards.ts';
import type { MessageBuilder } from './MessageBuilder.ts';
import { isRestated } from './eventKinds.ts';
import type { AnyStreamEvent } from './StreamEvent.ts';

/** The text of a message: its text blocks, with nothing between them. */
export function messageText(message: { content: readonly { type: string }[] } | undefined): string {
  let text = '';
  for (const block of message?.content ?? []) {
    if (block.type === 'text' && 'text' in block) text += asString(block.text);
  }
  return text;
}

/** The text that an event brings; `''` when it brings none. */
export function arrivingText(event: AnyStreamEvent): string {
  if (isTextDelta(event)) return asString(event.delta.text);
  if (event.type !== 'content_block_start' || event.content_block?.type !== 'text') return '';
  if (isRestated(event)) return '';
  return asString(event.content_block.text);
}

/** Whether the text after an event is another than the one before with something at its end. */
export function replacesText(event: AnyStreamEvent): boolean {
  return event.type === 'message_start' || event.type === 'resume' || isRestated(event);
}

/**
 * The text of a message after an event that the builder has just taken in.
 *
 * It goes on from the text before, and not from the blocks: a reader has made that text one flat
 * string, and to join the blocks anew would have each reading start from their first piece.
 */
export function textAfter<E extends AnyStreamEvent>(
  before: string,
  event: E,
  builder: MessageBuilder<E>,
): string {
  return replacesText(event) ? messageText(builder.message) : before + arrivingText(event);
}
