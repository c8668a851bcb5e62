import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { readRecording, recordingLines } from '../message/recording.ts';
import { requireNumbers } from '../flow/require.ts';
import { checkFields } from './checks.ts';
import { checkedFault, type Fault } from './Fault.ts';

/** How a reply is sent. One of `events`, `recording` and `body` says what; none is an empty body. */
export interface ReplyScript {
  /** Sent as SSE; one by one as they come, if asynchronous. */
  events?: Iterable<EncodableEvent> | AsyncIterable<EncodableEvent>;
  /** The text of a recording, played with its timing; its error becomes the fault it was. */
  recording?: string;
  /** How many times as fast as recorded; `Infinity` without pauses. Default: 1. */
  speed?: number;
  /** A string (SSE, unless `headers` says otherwise) or bytes as they are, any other value as JSON. */
  body?: unknown;
  /** Default: 200. */
  status?: number;
  /** Further headers, and other values for those the server sets. */
  headers?: Record<string, string>;
  /** Milliseconds before the status line. Default: 0. */
  delay?: number;
  /** Milliseconds between two events. Default: 0. */
  pace?: number;
  /**
   * What is written at once, each in a turn of the event loop of its own: an event, `'all'`, or a
   * number of bytes, whatever they cut. What waits is written before any pause. Default: `'event'`.
   */
  chunk?: 'event' | 'all' | number;
  /** Default: `'\n'`. */
  lineEnding?: '\n' | '\r\n' | '\r';
  /** Leaves out the `event:` lines, as some gateways do. Default: `false`. */
  omitEventLine?: boolean;
  /** Holds the connection open after the last event. Default: `false`. */
  keepOpen?: boolean;
  /** What goes wrong. */
  fault?: Fault;
  /** More of it. At the same place they happen in this order. */
  faults?: readonly Fault[];
}

/** What the server answers: the events of a reply, or a script that says how they are sent. */
export type Reply = Iterable<EncodableEvent> | ReplyScript;

/** A script that has been checked, with its defaults. */
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

/** Throws a TypeError where `reply` is not valid. */
export function checkedReply(reply: Reply): CheckedReply {
  if (typeof reply !== 'object' || reply === null) {
    throw new TypeError(
      `A reply is an iterable of events or a script such as { events, delay }, got ${typeof reply}` +
        (typeof reply === 'string' ? '; for a raw body use { body }' : ''),
    );
  }
  const script: ReplyScript = Symbol.iterator in reply ? { events: reply } : reply;
  checkFields('Reply', script, FIELDS);
  const contents = CONTENTS.filter((field) => script[field] !== undefined);
  if (contents.length > 1) {
    throw new TypeError(`Reply: ${contents.join(' and ')} exclude each other`);
  }
  const { events, recording, lineEnding } = script;
  if (events !== undefined && !isIterable(events)) {
    throw new TypeError(`Reply: events must be iterable, got ${typeof events}`);
  }
  if (lineEnding !== undefined && !['\n', '\r\n', '\r'].includes(lineEnding)) {
    throw new TypeError(`Reply: no line of SSE ends with ${JSON.stringify(lineEnding)}`);
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
    throw new TypeError(`Reply: recording is the text of one, got ${typeof recording}`);
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
