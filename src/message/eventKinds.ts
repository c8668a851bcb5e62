import type { AnyStreamEvent } from './StreamEvent.ts';

/**
 * Whether the event is progress of the reply. A ping is not, and neither is an event of an unknown type.
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

/**
 * Finds the last event of a stream. For a reply it is `message_stop`; for a loop of `runTools`, the last
 * `turn_end`, or `tool_answers` with calls that wait again. A loop is recognised by the field `turn` of
 * its `message_start` events, and by `tool_answers`.
 */
export class StreamEnd {
  #isLoop = false;

  /** Whether the stream is a loop of several replies. */
  get isLoop(): boolean {
    return this.#isLoop;
  }

  /** Handles the next event; returns whether the stream is complete with it. */
  push(event: AnyStreamEvent): boolean {
    if (event.type === 'message_start' && 'turn' in event) this.#isLoop = true;
    if (event.type === 'tool_answers') {
      this.#isLoop = true;
      return event.pending !== undefined;
    }
    if (!this.#isLoop) return event.type === 'message_stop';
    return event.type === 'turn_end' && event.outcome !== 'continue';
  }
}

/** Whether the event repeats a block that was emitted before: see `restatedBlock`. */
export function isRestated(event: AnyStreamEvent): boolean {
  return event.type === 'content_block_start' && 'restated' in event;
}
