import type { AnyStreamEvent } from './StreamEvent.ts';

/** The messages whose requests have a span of the SDK. Keyed by message, because events are copied. */
const traced = new WeakSet<object>();

/** Records that the SDK traces the request of this `message_start`. */
export function markTraced(event: AnyStreamEvent): void {
  if (event.type === 'message_start') traced.add(event.message);
}

/** Whether the SDK traces the request of this `message_start`. Its span then has the tokens. */
export function isTracedReply(event: AnyStreamEvent): boolean {
  return event.type === 'message_start' && traced.has(event.message);
}
