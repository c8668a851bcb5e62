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
