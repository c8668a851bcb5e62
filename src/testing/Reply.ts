import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { readRecording, recordingLines } from '../message/recording.ts';
import { requireNumbers } from '../flow/require.ts';
import { checkFields } from './checks.ts';
import { checkedFault, type Fault } from './Fault.ts';

/**
 * How a reply is sent. Set at most one of `events`, `recording` and `body`; without them, the body
 * is empty.
 */
export interface ReplyScript {
  /** The events, sent as SSE. Events of an async iterable are sent when they come. */
  events?: Iterable<EncodableEvent> | AsyncIterable<EncodableEvent>;
  /** The text of a recording, played with its timing. A recorded error is played as the matching fault. */
  recording?: string;
  /** The speed factor of the recording; `Infinity` for no pauses. Default: 1. */
  speed?: number;
  /**
   * The body: a string (SSE, unless `headers` says otherwise) or bytes, sent unchanged; other
   * values as JSON.
   */
  body?: unknown;
  /** The HTTP status. Default: 200. */
  status?: number;
  /** Further headers; they replace the headers that the server sets. Default: none. */
  headers?: Record<string, string>;
  /** Milliseconds before the status line. Default: 0. */
  delay?: number;
  /** Milliseconds between two events. Default: 0. */
  pace?: number;
  /**
   * The amount that is written at once, in one turn of the event loop: an event, `'all'`, or a number of
   * bytes, which may cut events and characters. Waiting bytes are written before each pause. Default:
   * `'event'`.
   */
  chunk?: 'event' | 'all' | number;
  /** The line ending of SSE lines. Default: `'\n'`. */
  lineEnding?: '\n' | '\r\n' | '\r';
  /** Whether to leave out the `event:` lines, as some gateways do. Default: `false`. */
  omitEventLine?: boolean;
  /** Whether to keep the connection open after the last event. Default: `false`. */
  keepOpen?: boolean;
  /** A fault. Default: none. */
  fault?: Fault;
  /** Several faults. At the same place, they happen in this order. Default: none. */
  faults?: readonly Fault[];
}

/** A reply of the server: the events, or an object that says how to send them. */
export type Reply = Iterable<EncodableEvent> | ReplyScript;

/** A validated reply, with its defaults. */
export interface CheckedReply extends ReplyScript {
  status: number;
  delay: number;
  pace: number;
  speed: number;
  chunk: 'event' | 'all' | number;
  faults: readonly Fault[];
}

const FIELDS = [
  'events',
  'recording',
  'speed',
  'body',
  'status',
  'headers',
  'delay',
  'pace',
  'chunk',
  'lineEnding',
  'omitEventLine',
  'keepOpen',
  'fault',
  'faults',
] as const;
const CONTENTS = ['events', 'recording', 'body'] as const;

/** Throws a TypeError if `reply` is not valid. */
export function checkedReply(reply: Reply): CheckedReply {
  if (typeof reply !== 'object' || reply === null) {
    throw new TypeError(
      `A reply must be an iterable of events or an object such as { events, delay }, got ${typeof reply}` +
        (typeof reply === 'string' ? '; for a raw body use { body }' : ''),
    );
  }
  const script: ReplyScript = Symbol.iterator in reply ? { events: reply } : reply;
  checkFields('Reply', script, FIELDS);
  const contents = CONTENTS.filter((field) => script[field] !== undefined);
  if (contents.length > 1) {
    throw new TypeError(`Reply: pass only one of ${contents.join(' and ')}`);
  }
  const { events, recording, lineEnding } = script;
  if (events !== undefined && !isIterable(events)) {
    throw new TypeError(`Reply: events must be iterable, got ${typeof events}`);
  }
  if (lineEnding !== undefined && !['\n', '\r\n', '\r'].includes(lineEnding)) {
    throw new TypeError(
      `Reply: lineEnding must be a line ending of SSE, not ${JSON.stringify(lineEnding)}`,
    );
  }
  checkNumbers(script);
  if (recording !== undefined) checkRecording(recording);
  const { status = 200, delay = 0, pace = 0, speed = 1, chunk = 'event' } = script;
  const faults = [...(script.fault ? [script.fault] : []), ...(script.faults ?? [])];
  return { ...script, status, delay, pace, speed, chunk, faults: faults.map(checkedFault) };
}

function checkNumbers({ status, delay, pace, speed, chunk }: ReplyScript): void {
  requireNumbers('Reply', { status }, { min: 200, max: 599, whole: true, what: 'an HTTP status' });
  requireNumbers('Reply', { delay, pace }, { min: 0, max: Number.MAX_VALUE, what: 'milliseconds' });
  requireNumbers('Reply', { speed }, { above: 0 });
  if (chunk === 'event' || chunk === 'all') return;
  const what = "'event', 'all' or a whole number of bytes";
  requireNumbers('Reply', { chunk }, { min: 1, max: Number.MAX_VALUE, whole: true, what });
}

function checkRecording(recording: unknown): void {
  if (typeof recording !== 'string') {
    throw new TypeError(
      `Reply: recording must be the text of a recording, got ${typeof recording}`,
    );
  }
  for (const entry of readRecording(recordingLines(recording))) {
    if ('error' in entry && entry.error.code === 'protocol' && entry.error.cause) {
      throw new TypeError(`Reply: ${entry.error.message}`, { cause: entry.error });
    }
  }
}

function isIterable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}
