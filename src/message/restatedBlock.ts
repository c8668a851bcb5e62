import { unfinishedInput } from './BlockBuilder.ts';
import type { Fields } from './record.ts';
import type { AnyStreamEvent, ContentBlockOf } from './StreamEvent.ts';

/**
 * The events of a block whose content has been emitted before, at another place or by other deltas.
 * All of it is in the start, which is marked: operators that emit what arrives leave it out.
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
