import { asString } from './record.ts';
import { isTextDelta } from './guards.ts';
import type { MessageBuilder } from './MessageBuilder.ts';
import { isRestated } from './eventKinds.ts';
import type { AnyStreamEvent } from './StreamEvent.ts';

/** The text of a message: its text blocks, joined without a separator. */
export function messageText(message: { content: readonly { type: string }[] } | undefined): string {
  let text = '';
  for (const block of message?.content ?? []) {
    if (block.type === 'text' && 'text' in block) text += asString(block.text);
  }
  return text;
}

/** The text of an event; `''` if it has none. */
export function arrivingText(event: AnyStreamEvent): string {
  if (isTextDelta(event)) return asString(event.delta.text);
  if (event.type !== 'content_block_start' || event.content_block?.type !== 'text') return '';
  if (isRestated(event)) return '';
  return asString(event.content_block.text);
}

/** Whether the event can change the earlier text, instead of only appending to it. */
export function replacesText(event: AnyStreamEvent): boolean {
  return event.type === 'message_start' || event.type === 'resume' || isRestated(event);
}

/**
 * The text of a message after an event that was just added to the builder.
 *
 * It appends to the previous text and does not join the blocks again: a reader may have flattened the
 * previous text already, and the joined blocks would have to be flattened from the start each time.
 */
export function textAfter<E extends AnyStreamEvent>(
  before: string,
  event: E,
  builder: MessageBuilder<E>,
): string {
  return replacesText(event) ? messageText(builder.message) : before + arrivingText(event);
}
