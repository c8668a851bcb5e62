import type { ServerResponse } from 'node:http';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { readRecording, recordingLines } from '../message/recording.ts';
import { httpErrorOf } from './httpError.ts';
import { setImmediate } from './realTimers.ts';
import type { Outcome, RequestState } from './ReceivedRequest.ts';
import { checkedReply, type CheckedReply } from './Reply.ts';
import { headerSteps, replySteps } from './replySteps.ts';
import type { Step } from './Step.ts';
import { pause, untilAborted } from './waiting.ts';

/** Faults that only apply to streams. */
const FRAMES: ReadonlySet<string> = new Set(['duplicate_start', 'ping', 'comment']);
const EVENT_STREAM = 'text/event-stream; charset=utf-8';

/** Sends `reply`; `signal` aborts when the client has closed the connection, or the server is closed. */
export async function playReply(
  response: ServerResponse,
  reply: CheckedReply,
  state: RequestState,
  signal: AbortSignal,
): Promise<Outcome> {
  for (const step of headerSteps(reply)) {
    const outcome = await take(step, response, state, signal);
    if (outcome !== undefined) return outcome;
  }
  for (const [name, value] of Object.entries(headersOf(reply))) response.setHeader(name, value);
  response.statusCode = reply.status;
  response.flushHeaders();
  await turn();
  for await (const step of replySteps(reply, signal)) {
    const outcome = await take(step, response, state, signal);
    if (outcome !== undefined) return outcome;
    if (step.do === 'send' && reply.chunk !== 'all') await turn();
  }
  // Only an abort ends the steps early.
  return 'client-left';
}

/**
 * The complete message instead of its stream, for a request without `stream: true`. An error in the
 * stream becomes an HTTP error.
 */
export async function unstreamed(reply: CheckedReply, signal: AbortSignal): Promise<CheckedReply> {
  const { events, recording, faults, ...rest } = reply;
  const source = recording === undefined ? events : recordedEvents(recording);
  if (source === undefined) return reply;
  const failing = faults.find((fault) => fault.kind === 'error');
  if (failing) return checkedReply({ ...httpErrorOf(failing.error), delay: reply.delay });
  const builder = new MessageBuilder();
  const all = Symbol.iterator in source ? source : untilAborted(source, signal);
  for await (const event of all) builder.push(event as StreamEvent);
  if (builder.message === undefined && !signal.aborted) {
    throw new Error('a request without `stream: true` needs events with a message_start');
  }
  const fitting = faults.filter(({ kind }) => !FRAMES.has(kind));
  return { ...rest, faults: fitting, body: builder.message };
}

/** The events of a recording, without their timing. */
export function* recordedEvents(recording: string): Generator<EncodableEvent> {
  for (const entry of readRecording(recordingLines(recording))) {
    if ('event' in entry) yield entry.event;
  }
}

async function take(
  step: Step,
  response: ServerResponse,
  state: RequestState,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const { socket } = response;
  if (signal.aborted || socket === null) return 'client-left';
  switch (step.do) {
    case 'wait':
      await pause(step.ms, signal);
      break;
    case 'send':
      await handOver((done) => response.write(step.bytes, done), signal);
      if (signal.aborted) break;
      state.bytesSent += step.bytes.length;
      state.eventsSent += step.events;
      break;
    case 'end':
      await handOver((done) => response.end(done), signal);
      if (response.writableFinished) return step.early ? 'faulted' : 'complete';
      break;
    case 'fin':
      socket.destroySoon();
      return 'faulted';
    case 'rst':
      socket.resetAndDestroy();
      return 'faulted';
  }
  return signal.aborted ? 'client-left' : undefined;
}

/**
 * Waits until the operating system has taken the written data, which it does as fast as the client reads:
 * this is the backpressure.
 */
function handOver(write: (done: () => void) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    write(done);
  });
}

/** Node joins all writes in one turn of its event loop; writes in the next turn are a separate packet. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function headersOf({ body, headers }: CheckedReply): Record<string, string> {
  const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  return {
    'content-type': raw ? EVENT_STREAM : 'application/json',
    'cache-control': 'no-cache',
    ...headers,
  };
}
