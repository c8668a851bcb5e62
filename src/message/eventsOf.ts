import { blockEvents } from './blockEvents.ts';
import { isRecord } from './record.ts';
import type { AnyStreamEvent, ContentBlockOf, MessageOf, StreamEvent } from './StreamEvent.ts';

/** The fields that come at the end of a reply, not at its start. */
const SAID_LAST = ['stop_reason', 'stop_sequence', 'stop_details'] as const;

/**
 * The fewest valid events that build `message`: one delta for each part of a block.
 *
 * With `open`, the reply is unfinished, so that the events of the rest can follow: `message_stop` is
 * missing. If the message has no `stop_reason`, `message_delta` and the stop of the last block are
 * missing too.
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
  // Absent fields stay absent: a gateway, or an older API, leaves fields out.
  const last = SAID_LAST.filter((field) => field in message);
  const start = Object.fromEntries(last.map((field) => [field, null]));
  const delta = Object.fromEntries(last.map((field) => [field, message[field]]));
  const { content, usage } = message;
  // Between `message_delta` and `message_stop` a reply is unfinished, but its content is complete.
  const whole = !open || message.stop_reason != null;

  const events: unknown[] = [
    { type: 'message_start', message: { ...message, ...start, content: [] } },
  ];
  const blocks = (content as readonly unknown[]).filter(isRecord);
  blocks.forEach((block, index) => {
    const isOpen = !whole && index === blocks.length - 1;
    events.push(...blockEvents<E>(block as unknown as ContentBlockOf<E>, index, { open: isOpen }));
  });
  if (whole) events.push({ type: 'message_delta', delta, usage });
  if (!open) events.push({ type: 'message_stop' });
  return events as E[];
}
