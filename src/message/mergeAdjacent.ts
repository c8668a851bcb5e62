/** The deltas that can be joined, and the field with their text. */
const TEXT_OF: ReadonlyMap<unknown, string> = new Map([
  ['text_delta', 'text'],
  ['thinking_delta', 'thinking'],
  ['input_json_delta', 'partial_json'],
]);

interface Event {
  type: string;
  index?: number;
  delta?: Record<string, unknown>;
}

/**
 * Merges two consecutive values: texts, deltas of one kind and block, or two pings. `undefined` for two
 * events that cannot be merged.
 *
 * @throws TypeError for values that are neither text nor events
 */
export function mergeAdjacent<T>(earlier: T, later: T): T | undefined {
  if (typeof earlier === 'string' && typeof later === 'string') return (earlier + later) as T;
  if (!isEvent(earlier) || !isEvent(later)) {
    throw new TypeError(
      'The values are neither strings nor stream events: pass `merge` to merge two of them',
    );
  }
  if (earlier.type === 'ping' && later.type === 'ping') return earlier;
  if (!isDelta(earlier) || !isDelta(later) || earlier.index !== later.index) return undefined;
  if (earlier.delta.type !== later.delta.type) return undefined;
  const key = TEXT_OF.get(later.delta.type);
  if (key === undefined) return undefined;
  const [text, more] = [earlier.delta[key], later.delta[key]];
  if (typeof text !== 'string' || typeof more !== 'string') return undefined;
  return { ...earlier, delta: { ...earlier.delta, [key]: text + more } };
}

/** The text field of a delta that another delta can extend; `undefined` for all other events. */
export function textFieldOf(event: { type: string; delta?: unknown }): string | undefined {
  return isDelta(event as Event) ? TEXT_OF.get((event as Event).delta!['type']) : undefined;
}

function isEvent(value: unknown): value is Event {
  return typeof (value as Partial<Event> | null | undefined)?.type === 'string';
}

function isDelta(event: Event): event is Event & { delta: Record<string, unknown> } {
  return event.type === 'content_block_delta' && typeof event.delta === 'object' && !!event.delta;
}
