import type { AnyStreamEvent } from '../message/StreamEvent.ts';

/** What can be written as a frame: the events of a reply, `error`, and types yet unknown. */
export type EncodableEvent = AnyStreamEvent | { type: string; [field: string]: unknown };

export interface EncodeEventOptions {
  /** What ends a line; the standard allows these three. Default: `'\n'`. */
  lineEnding?: '\n' | '\r\n' | '\r';
  /** Whether the frame names its type in a line of its own, as the API does. Default: `true`. */
  eventLine?: boolean;
}

/** Frames of events that are sent to many; `undefined` until one of them is written. */
const shared = new WeakMap<object, string | undefined>();
let isAnyShared = false;

/** Has an event encoded once, however often its frame is written: an event that is never changed. */
export function shareFrame(event: EncodableEvent): void {
  isAnyShared = true;
  shared.set(event, undefined);
}

/**
 * One event as one SSE frame, `event: <type>` and `data: <json>`, as the API writes it
 * (docs: /docs/en/build-with-claude/streaming).
 *
 * The JSON holds no raw line break, so that a frame is always two lines and an empty one.
 *
 * @throws {TypeError} when `event` has no `type`, or one that would break out of its line.
 *
 * @example
 * ```ts
 * import { encodeEvent } from 'claude-rx';
 *
 * encodeEvent({ type: 'ping' }); // 'event: ping\ndata: {"type":"ping"}\n\n'
 * ```
 */
export function encodeEvent(
  event: EncodableEvent,
  { lineEnding = '\n', eventLine = true }: EncodeEventOptions = {},
): string {
  const isShared = isAnyShared && eventLine && lineEnding === '\n' && shared.has(event);
  const known = isShared ? shared.get(event) : undefined;
  if (known !== undefined) return known;
  const frame = encoded(event, lineEnding, eventLine);
  if (isShared) shared.set(event, frame);
  return frame;
}

function encoded(event: EncodableEvent, lineEnding: string, eventLine: boolean): string {
  const { type } = event;
  const delta = type === 'content_block_delta' ? deltaJson(event) : undefined;
  // Most events have the type of the one before.
  if (delta === undefined && type !== lastType) lastType = lineOf(type);
  const json = delta ?? flatJson(event) ?? JSON.stringify(event);
  const data = `data: ${json}${lineEnding}${lineEnding}`;
  return eventLine ? `event: ${type}${lineEnding}${data}` : data;
}

let lastType: unknown;

/** A type that is one line. */
function lineOf(type: unknown): string {
  if (typeof type === 'string' && !/[\r\n\0]/.test(type)) return type;
  throw new TypeError(
    `An event needs a type of one line to be written as SSE, got ${JSON.stringify(type)}`,
  );
}

/** The delta types whose content is one string, and its key. */
const STRING_KEYS: Readonly<Record<string, string>> = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  input_json_delta: 'partial_json',
};

/** Strings that JSON writes as they are. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

/** The JSON with which the last delta began: the next one mostly begins alike. */
let front = { index: -1, key: '', json: '' };

/**
 * The JSON of a delta, written from its parts in a third of the time of `JSON.stringify`; `undefined`
 * for every event that `JSON.stringify` might write in another way.
 */
function deltaJson(event: EncodableEvent): string | undefined {
  const { index, delta } = event as { index?: unknown; delta?: Record<string, unknown> };
  const type = delta?.['type'];
  const key = typeof type === 'string' ? STRING_KEYS[type] : undefined;
  if (key === undefined || !Number.isInteger(index)) return undefined;
  const content = delta![key];
  if (typeof content !== 'string') return undefined;
  if (!hasExactly(event, 'type', 'index', 'delta') || !hasExactly(delta!, 'type', key)) {
    return undefined;
  }
  if (index !== front.index || key !== front.key) {
    const json = `{"type":"content_block_delta","index":${String(index)},"delta":{"type":"${String(type)}","${key}":`;
    front = { index: index as number, key, json };
  }
  return `${front.json}${quoted(content)}}}`;
}

/** The fields of the deltas of other wires: AI SDK `UIMessageChunk`, AG-UI `BaseEvent`. */
const FLAT_KEYS: ReadonlySet<string> = new Set(
  'type id messageId toolCallId delta inputTextDelta'.split(' '),
);

/** The JSON with which the last delta of AG-UI began: the next one mostly begins alike. */
let beginning = { type: '', name: '', id: '', json: '' };

/** The JSON of an object literal of these fields, all of them strings; `undefined` for others. */
function flatJson(event: EncodableEvent): string | undefined {
  const { messageId, id = messageId, delta } = event as Record<string, unknown>;
  if (typeof id === 'string' && typeof delta === 'string') {
    // Most events of these wires: the loop below takes twice the time.
    const name = id === messageId ? 'messageId' : 'id';
    if (hasExactly(event, 'type', name, 'delta')) {
      if (id !== beginning.id || event.type !== beginning.type || name !== beginning.name) {
        const { type } = event;
        const json = `{"type":${quoted(type)},"${name}":${quoted(id)},"delta":`;
        beginning = { type, name, id, json };
      }
      return `${beginning.json}${quoted(delta)}}`;
    }
  }
  if (Object.getPrototypeOf(event) !== Object.prototype) return undefined;
  let json = '';
  for (const key in event) {
    const value = (event as Record<string, unknown>)[key];
    if (typeof value !== 'string' || !FLAT_KEYS.has(key)) return undefined;
    json += `${json === '' ? '{' : ','}"${key}":${quoted(value)}`;
  }
  return `${json}}`;
}

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Whether an object literal has these keys, in this order, and no others. */
function hasExactly(value: object, first: string, second: string, third?: string): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  let count = 0;
  // Faster than an array of the keys.
  for (const key in value) {
    if (key !== (count === 0 ? first : count === 1 ? second : third)) return false;
    count++;
  }
  return count === (third === undefined ? 2 : 3);
}
