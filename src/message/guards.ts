import { asString, fields } from './record.ts';
import type { AnyStreamEvent, EventOfType, SubagentEvent } from './StreamEvent.ts';

/** A `content_block_delta` event whose delta is of type `D`. */
export type DeltaEvent<E extends AnyStreamEvent, D extends string> =
  EventOfType<E, 'content_block_delta'> extends infer Event extends { delta: { type: string } }
    ? Event & { delta: Extract<Event['delta'], { type: D }> }
    : never;

/**
 * Whether the event is a text delta, with the text in `event.delta.text`.
 *
 * A block may also begin with text, in its `content_block_start`; the operator `textOnly` emits both.
 *
 * @example
 * ```ts
 * import { isTextDelta, type StreamEvent } from 'claude-rx';
 *
 * const lengthOf = (event: StreamEvent) => (isTextDelta(event) ? event.delta.text.length : 0);
 * ```
 */
export function isTextDelta<E extends AnyStreamEvent>(
  event: E,
): event is E & DeltaEvent<E, 'text_delta'> {
  return isDelta(event, 'text_delta');
}

/** Whether the event is a thinking delta, with the thinking in `event.delta.thinking`. */
export function isThinkingDelta<E extends AnyStreamEvent>(
  event: E,
): event is E & DeltaEvent<E, 'thinking_delta'> {
  return isDelta(event, 'thinking_delta');
}

/** Whether the event is the signature of a thinking block, in `event.delta.signature`. */
export function isSignatureDelta<E extends AnyStreamEvent>(
  event: E,
): event is E & DeltaEvent<E, 'signature_delta'> {
  return isDelta(event, 'signature_delta');
}

/** Whether the event is a delta of a tool's input, with JSON text in `event.delta.partial_json`. */
export function isInputJsonDelta<E extends AnyStreamEvent>(
  event: E,
): event is E & DeltaEvent<E, 'input_json_delta'> {
  return isDelta(event, 'input_json_delta');
}

/** Whether the event is a citation of a text, in `event.delta.citation`. */
export function isCitationsDelta<E extends AnyStreamEvent>(
  event: E,
): event is E & DeltaEvent<E, 'citations_delta'> {
  return isDelta(event, 'citations_delta');
}

/**
 * Whether the event comes from a subagent (a loop that runs inside a tool). `event.progress` is the
 * event, and `event.parent_tool_use_id` is the `id` of the call that runs the subagent.
 *
 * @example
 * ```ts
 * import { type AnyStreamEvent, isSubagentEvent, textOnly } from 'claude-rx';
 * import { filter, groupBy, map, mergeMap, type Observable } from 'rxjs';
 *
 * const subagents = (loop$: Observable<AnyStreamEvent>) =>
 *   loop$.pipe(
 *     filter(isSubagentEvent),
 *     groupBy(({ parent_tool_use_id: parent }) => parent),
 *     mergeMap((thread) =>
 *       thread.pipe(
 *         map(({ progress }) => progress),
 *         textOnly(),
 *         map((text) => ({ subagent: thread.key, text })),
 *       ),
 *     ),
 *   );
 * ```
 */
export function isSubagentEvent(event: { type: string }): event is SubagentEvent {
  return event.type === 'tool_progress' && asString(fields(event)['parent_tool_use_id']) !== '';
}

function isDelta(event: AnyStreamEvent, type: string): boolean {
  return event.type === 'content_block_delta' && event.delta?.type === type;
}
