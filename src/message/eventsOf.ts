import type { AnyStreamEvent, ContentBlockOf, MessageOf, StreamEvent } from './StreamEvent.ts';
import { unfinishedInput } from './BlockBuilder.ts';

/** What a reply says at its end, and not at its start. */
const SAID_LAST = ['stop_reason', 'stop_sequence', 'stop_details'] as const;

/**
 * The shortest valid run of events that builds `message`: one delta for each part of a block.
 *
 * With `open`, the reply is left unfinished: `message_stop` is missing and, where the message has
 * no `stop_reason` yet, `message_delta` and the stop of the last block too, so that the events of
 * the rest can follow.
 *
 * @example
 * ```ts
 * import { eventsOf, type MessageOf, type StreamEvent } from 'claude-rx';
 * import { from, type Observable } from 'rxjs';
 *
 * const replay = (message: MessageOf<StreamEvent>): Observable<StreamEvent> =>
 *   from(eventsOf(message));
 * ```
 */
export function eventsOf<E extends AnyStreamEvent = StreamEvent>(
  message: MessageOf<E>,
  { open = false }: { open?: boolean } = {},
): E[] {
  // What is absent stays absent: a gateway, or an older API, leaves fields out.
  const last = SAID_LAST.filter((field) => field in message);
  const start = Object.fromEntries(last.map((field) => [field, null]));
  const delta = Object.fromEntries(last.map((field) => [field, message[field]]));
  const { content, usage } = message;
  // Between its `message_delta` and its `message_stop` a reply is unfinished, but all of it is there.
  const whole = !open || message.stop_reason != null;

  const events: unknown[] = [
    { type: 'message_start', message: { ...message, ...start, content: [] } },
  ];
  content.forEach((block, index) => {
    const [first, ...deltas] = parts(block as ContentBlockOf<StreamEvent>);
    events.push({ type: 'content_block_start', index, content_block: first });
    events.push(...deltas.map((part) => ({ type: 'content_block_delta', index, delta: part })));
    if (whole || index < content.length - 1) events.push({ type: 'content_block_stop', index });
  });
  if (whole) events.push({ type: 'message_delta', delta, usage });
  if (!open) events.push({ type: 'message_stop' });
  return events as E[];
}

/** The block as it starts, and the deltas that fill it; a block of another type comes whole. */
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
      // `{}` is also how an input looks of which nothing has come yet: text may follow.
      const isEmpty = partial_json === '' || (text === undefined && partial_json === '{}');
      return [
        { ...start, input: {} },
        ...(isEmpty ? [] : [{ type: 'input_json_delta', partial_json }]),
      ];
    }
  }
}
