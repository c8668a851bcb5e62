import type { AnyStreamEvent } from './StreamEvent.ts';

/**
 * Whether the event brings the reply forward. A ping does not, and neither does an event of a type
 * that this version does not know.
 */
export function isContentEvent({ type }: AnyStreamEvent): boolean {
  switch (type) {
    case 'content_block_delta':
    case 'content_block_start':
    case 'content_block_stop':
    case 'message_start':
    case 'message_delta':
    case 'message_stop':
    case 'resume':
      return true;
    default:
      return false;
  }
}

/** Whether the event belongs to a content block. */
export function isBlockEvent({ type }: AnyStreamEvent): boolean {
  return /^content_block_(start|delta|stop)$/.test(type);
}

/** Whether a reply is whole with the event; or, with `turns`, the whole loop of `runTools`. */
export function isLastEvent(event: AnyStreamEvent, turns: boolean): boolean {
  if (!turns) return event.type === 'message_stop';
  return event.type === 'turn_end' && event.outcome !== 'continue';
}
