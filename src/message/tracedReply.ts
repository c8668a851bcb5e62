import type { AnyStreamEvent } from './StreamEvent.ts';

/** The messages whose requests have a span of the SDK. By their messages, as events are copied. */
const traced = new WeakSet<object>();

/** Remembers with a `message_start` that the SDK traces its request. */
export function markTraced(event: AnyStreamEvent): void {
  if (event.type === 'message_start') traced.add(event.message);
}

/** Whether the SDK traces the request that this `message_start` answers: its span has the tokens. */
export function isTracedReply(event: AnyStreamEvent): boolean {
  return event.type === 'message_start' && traced.has(event.message);
}
