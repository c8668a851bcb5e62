import { unfinishedInput } from './BlockBuilder.ts';
import type { Fields } from './record.ts';
import type { AnyStreamEvent, ContentBlockOf } from './StreamEvent.ts';

/**
 * The events of a block whose content was emitted before, at another position or in other deltas. The
 * whole content is in the start event, which is marked, so operators that emit new content leave it out.
 */
export function restatedBlock<E extends AnyStreamEvent>(
  block: ContentBlockOf<E>,
  index: number,
  { open = false }: { open?: boolean } = {},
): E[] {
  const { [unfinishedInput]: text, ...content_block } = block as unknown as Fields;
  const events: unknown[] = [{ type: 'content_block_start', index, content_block, restated: true }];
  if (typeof text === 'string' && text !== '') {
    const delta = { type: 'input_json_delta', partial_json: text };
    events.push({ type: 'content_block_delta', index, delta });
  }
  if (!open) events.push({ type: 'content_block_stop', index });
  return events as E[];
}
