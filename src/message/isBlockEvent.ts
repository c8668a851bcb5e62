import type { AnyStreamEvent } from './StreamEvent.ts';

/** Whether the event belongs to a content block. */
export function isBlockEvent({ type }: AnyStreamEvent): boolean {
  return (
    type === 'content_block_delta' ||
    type === 'content_block_start' ||
    type === 'content_block_stop'
  );
}
