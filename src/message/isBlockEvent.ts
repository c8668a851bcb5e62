import type { AnyStreamEvent } from './StreamEvent.ts';

/** Whether the event belongs to a content block. */
export function isBlockEvent({ type }: AnyStreamEvent): boolean {
  return /^content_block_(start|delta|stop)$/.test(type);
}
