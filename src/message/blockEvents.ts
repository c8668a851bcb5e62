import { unfinishedInput } from './BlockBuilder.ts';
import type { AnyStreamEvent, ContentBlockOf, StreamEvent } from './StreamEvent.ts';

/**
 * The fewest events that make one block: its start, one delta for each part, and its stop, which `open`
 * leaves out.
 */
export function blockEvents<E extends AnyStreamEvent>(
  block: ContentBlockOf<E>,
  index: number,
  { open = false }: { open?: boolean } = {},
): E[] {
  const [first, ...deltas] = parts(block as ContentBlockOf<StreamEvent>);
  const events: unknown[] = [{ type: 'content_block_start', index, content_block: first }];
  events.push(...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })));
  if (!open) events.push({ type: 'content_block_stop', index });
  return events as E[];
}

/** The start of the block, and its deltas; a block of another type is complete in its start. */
function parts(block: ContentBlockOf<StreamEvent>): [object, ...object[]] {
  switch (block.type) {
    case 'text': {
      const citations = block.citations ?? [];
      const start = { ...block, text: '', ...(block.citations && { citations: [] }) };
      return [
        start,
        ...citations.map((citation) => ({ type: 'citations_delta', citation })),
        ...(block.text ? [{ type: 'text_delta', text: block.text }] : []),
      ];
    }
    case 'thinking': {
      const { thinking, signature } = block;
      return [
        { ...block, thinking: '', ...('signature' in block && { signature: '' }) },
        ...(thinking ? [{ type: 'thinking_delta', thinking }] : []),
        ...(signature ? [{ type: 'signature_delta', signature }] : []),
      ];
    }
    default: {
      if (!('input' in block)) return [block];
      const { [unfinishedInput]: text, ...start } = block as typeof block & {
        [unfinishedInput]?: string;
      };
      const partial_json = text ?? JSON.stringify(block.input);
      // `{}` may also be an input without any text so far: text may follow.
      const isEmpty = partial_json === '' || (text === undefined && partial_json === '{}');
      return [
        { ...start, input: {} },
        ...(isEmpty ? [] : [{ type: 'input_json_delta', partial_json }]),
      ];
    }
  }
}
