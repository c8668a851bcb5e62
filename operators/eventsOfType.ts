import { filter, type OperatorFunction } from 'rxjs';
import type { AnyStreamEvent, EventOfType } from '../src/message/StreamEvent.ts';

/**
 * Emits only the events of the given types, and narrows their TypeScript type.
 *
 * ```text
 * source  --m--[--a--b--]--x--S|
 *         eventsOfType('content_block_start', 'content_block_stop')
 * result  -----[--------]------|
 * ```
 *
 * - Error, complete: passed on.
 * - Unsubscribe: the source is unsubscribed.
 *
 * The compiler accepts the event types of the SDK. At run time any name works: use a cast for an event
 * type that is newer than the SDK.
 *
 * @throws TypeError when no type is given.
 *
 * @example
 * ```ts
 * import { eventsOfType, fromResponse } from 'claude-rx';
 *
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }))
 *   .pipe(eventsOfType('message_delta'))
 *   .subscribe(({ delta, usage }) => console.log(delta.stop_reason, usage.output_tokens));
 * ```
 */
export function eventsOfType<E extends AnyStreamEvent, T extends E['type']>(
  ...types: [T, ...T[]]
): OperatorFunction<E, EventOfType<E, T>> {
  if (types.length === 0) {
    throw new TypeError("eventsOfType: name at least one type, such as 'message_start'");
  }
  const wanted: ReadonlySet<string> = new Set(types);
  return filter((event): event is EventOfType<E, T> => wanted.has(event.type));
}
