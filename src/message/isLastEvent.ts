import type { AnyStreamEvent } from './StreamEvent.ts';

/** Whether a reply is whole with the event; or, with `turns`, the whole loop of `runTools`. */
export function isLastEvent(event: AnyStreamEvent, turns: boolean): boolean {
  if (!turns) return event.type === 'message_stop';
  return event.type === 'turn_end' && event.outcome !== 'continue';
}
