import { encodeEvent } from '../sse/encodeEvent.ts';
import type { EncodableEvent, EncodeEventOptions } from '../sse/encodeEvent.ts';
import { readRecording, recordingLines } from '../message/recording.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { cutAtBytes, rechunk } from './bytes.ts';
import type { Fault } from './Fault.ts';
import { messageEvents } from './messageEvents.ts';
import { now } from './realTimers.ts';
import type { CheckedReply } from './Reply.ts';
import type { Step } from './Step.ts';
import { untilAborted } from './waiting.ts';

type Part = { event: EncodableEvent } | Step;

const encoder = new TextEncoder();

/** The steps that send the body of a reply, in order; events are read when they are needed. */
export async function* replySteps(reply: CheckedReply, signal: AbortSignal): AsyncGenerator<Step> {
  const cut = cutAtBytes(
    reply.faults.filter((fault) => fault.atByte !== undefined),
    (fault) => faultSteps(fault, reply),
  );
  const join = rechunk(reply.chunk === 'all' ? Infinity : reply.chunk);
  for await (const whole of bodySteps(reply, signal)) {
    for (const step of cut(whole)) yield* join(step);
  }
}

/** The steps before the status line, or instead of it. */
export function* headerSteps(reply: CheckedReply): Generator<Step> {
  if (reply.delay > 0) yield { do: 'wait', ms: reply.delay };
  for (const fault of reply.faults) {
    if (fault.beforeHeaders) yield* faultSteps(fault, reply);
  }
}

/** Inserts the faults that are placed at events; faults at bytes are inserted elsewhere. */
async function* bodySteps(reply: CheckedReply, signal: AbortSignal): AsyncGenerator<Step> {
  const faults = reply.faults.filter((fault) => fault.atByte === undefined && !fault.beforeHeaders);
  // Two faults after the last event differ by NaN, and keep their order.
  const pending = faults.toSorted((one, other) => indexOf(one) - indexOf(other) || 0);
  const options = encoding(reply);
  let index = 0;
  let start: EncodableEvent | undefined;
  const next = () => pending.shift()!;
  for await (const part of parts(reply, signal)) {
    if ('do' in part) {
      yield part;
      continue;
    }
    while (pending[0] && indexOf(pending[0]) <= index) yield* faultSteps(next(), reply, start);
    if (part.event.type === 'message_start') start = part.event;
    yield send(encodeEvent(part.event, options), 1);
    index++;
  }
  if (reply.body !== undefined) {
    while (pending[0] && indexOf(pending[0]) <= index) yield* faultSteps(next(), reply, start);
    yield send(bodyBytes(reply.body), 0);
  }
  // A place beyond the end counts as the end, so that no fault is silently left out.
  while (pending.length > 0) yield* faultSteps(next(), reply, start);
  if (reply.keepOpen) yield { do: 'wait', ms: Infinity };
  yield { do: 'end', early: false };
}

function indexOf(fault: Fault): number {
  return fault.beforeEvent ?? Infinity;
}

/** The events of a reply, and the pauses between them. */
async function* parts(reply: CheckedReply, signal: AbortSignal): AsyncGenerator<Part> {
  const { events, recording, pace } = reply;
  if (recording !== undefined) return yield* recordedParts(recording, reply);
  if (events === undefined) return;
  const source = Symbol.iterator in events ? events : untilAborted(events, signal);
  let first = true;
  for await (const event of source) {
    if (pace > 0 && !first) yield { do: 'wait', ms: pace };
    first = false;
    yield { event };
  }
}

function* recordedParts(recording: string, reply: CheckedReply): Generator<Part> {
  const start = now();
  for (const entry of readRecording(recordingLines(recording))) {
    const ms = entry.at / reply.speed - (now() - start);
    if (ms > 0) yield { do: 'wait', ms };
    if ('event' in entry) yield { event: entry.event };
    else yield* faultSteps(faultOf(entry.error), reply);
  }
}

/** The fault that makes a stream fail as recorded. */
function faultOf({ code, errorType, message }: MessageStreamError): Fault {
  if (errorType !== undefined) return { kind: 'error', error: { type: errorType, message } };
  if (code === 'connection') return { kind: 'rst' };
  if (code === 'timeout') return { kind: 'stall' };
  return { kind: 'end' };
}

function* faultSteps(
  fault: Fault,
  reply: CheckedReply,
  start: EncodableEvent = firstEvent(),
): Generator<Step> {
  const options = encoding(reply);
  const { lineEnding = '\n' } = options;
  switch (fault.kind) {
    case 'end':
      return yield { do: 'end', early: true };
    case 'fin':
    case 'rst':
      yield { do: 'wait', ms: fault.delay ?? 10 };
      return yield { do: fault.kind };
    case 'stall':
      return yield { do: 'wait', ms: fault.ms ?? Infinity };
    case 'drip':
      return yield { do: 'drip', ms: fault.ms ?? 1 };
    case 'error': {
      const { eventLine = options.eventLine ?? true, fields } = fault;
      const error = { type: 'overloaded_error', message: 'Overloaded', ...fault.error };
      yield send(encodeEvent({ type: 'error', error, ...fields }, { lineEnding, eventLine }), 0);
      return yield { do: 'end', early: true };
    }
    case 'garbage': {
      const cut = ['event: content_block_delta', 'data: {"type":"content_block_del', '', ''];
      return yield send(fault.data ?? cut.join(lineEnding), 0);
    }
    case 'duplicate_start':
      return yield send(encodeEvent(start, options), 0);
    case 'ping':
      return yield send(encodeEvent({ type: 'ping' }, options), 0);
    case 'comment':
      return yield send(`: comment${lineEnding}${lineEnding}`, 0);
  }
}

function encoding({ lineEnding = '\n', omitEventLine }: CheckedReply): EncodeEventOptions {
  return { lineEnding, eventLine: !omitEventLine };
}

function firstEvent(): EncodableEvent {
  const [event] = messageEvents;
  return event!;
}

function send(data: string | Uint8Array, events: number): Step {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data;
  return { do: 'send', bytes, events };
}

function bodyBytes(body: unknown): string | Uint8Array {
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  return JSON.stringify(body) ?? '';
}
