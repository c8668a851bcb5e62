import type { Subscriber } from 'rxjs';
import { isLastEvent } from '../message/isLastEvent.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { parsed } from '../message/parsed.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { fromApiError, toMessageStreamError, truncation } from '../message/toMessageStreamError.ts';
import { EventDecoder } from '../sse/EventDecoder.ts';
import { drain } from './drain.ts';
import { nextTurn } from './nextTurn.ts';
import type { FetchOptions } from './SourceOptions.ts';
import { whenOpen } from './whenOpen.ts';

/** Bytes that keep coming without ending an event are shown as a ping, at most this often (ms). */
const PING_EVERY = 1_000;
/** So long chunks that are there already are taken in one turn of the event loop: half a frame (ms). */
const LONGEST_RUN = 8;
/** A chunk that took longer than this to come was waited for, in a turn of its own (ms). */
const AT_ONCE = 1;
/** So many bytes are decoded at once: a browser hands out what has arrived as one chunk, of any size. */
const LARGEST_CHUNK = 65_536;
/** As much of a body that is no event stream is read, in characters. */
const READ_AT_MOST = 65_536;

export interface ReceiveOptions extends FetchOptions {
  /** Whether the stream is over with this event. Default: as `turns` says. */
  isLast?: (event: StreamEvent) => boolean;
  /** Called with the `id:` of the last frame that had one, before each event and error. */
  onId?: (id: string | undefined) => void;
}

/**
 * Reads the body of `response` into `subscriber`: all events of a network chunk in one synchronous
 * run. Returns what ends the reading.
 */
export function receive(
  response: Response,
  subscriber: Subscriber<StreamEvent>,
  {
    onResponse,
    allowMissingMessageStop,
    turns = false,
    valve,
    isLast = (event) => isLastEvent(event, turns),
    onId,
  }: ReceiveOptions,
  abort: () => void,
): void {
  const { headers, status } = response;
  const requestId = headers.get('request-id') ?? undefined;
  const fail = (error: unknown, otherwise?: 'connection' | 'unknown') =>
    subscriber.error(toMessageStreamError(error, { requestId, otherwise: otherwise ?? 'unknown' }));

  const reader = response.body?.getReader();
  let finished = false;
  let lastEventAt = Date.now();
  let askedAt = 0;
  let runSince = Date.now();
  let rest: Uint8Array | undefined;
  const decoder = new EventDecoder((event) => {
    finished = isLast(event);
    onId?.(decoder.lastId);
    subscriber.next(event);
    if (finished) subscriber.complete();
    if (subscriber.closed) decoder.stop();
  });

  subscriber.add(() => {
    decoder.stop();
    const stop = () => {
      abort();
      reader?.cancel().catch(() => {});
    };
    if (finished && reader) drain(readToEnd(reader), stop);
    else stop();
  });

  try {
    onResponse?.({ requestId, status, headers });
  } catch (error) {
    return fail(error);
  }
  if (subscriber.closed) return;
  if (!reader) return fail(noEventStream('has no body', response));
  if (!response.ok || !mayBeEventStream(headers)) {
    readText(reader).then(
      (text) => fail(response.ok ? notAnEventStream(text, response) : httpError(text, response)),
      (error) => fail(response.ok ? error : httpError('', response), 'connection'),
    );
    return;
  }

  const onChunk = ({ done, value }: ReadableStreamReadResult<Uint8Array>): void => {
    if (subscriber.closed) return;
    const cameAt = Date.now();
    if (cameAt - askedAt > AT_ONCE) runSince = cameAt;
    const before = decoder.count;
    try {
      if (done) decoder.end();
      else decoder.push(value.subarray(0, LARGEST_CHUNK));
    } catch (error) {
      onId?.(decoder.lastId);
      return fail(error);
    }
    if (subscriber.closed) return;
    if (done) {
      if (decoder.count === 0 && !beginsLikeOne(decoder.head)) {
        return fail(notAnEventStream(decoder.head, response));
      }
      // Whether an end without message_stop is one is decided where the message is known.
      return allowMissingMessageStop ? subscriber.complete() : fail(truncation());
    }
    rest = value.length > LARGEST_CHUNK ? value.subarray(LARGEST_CHUNK) : undefined;
    const now = Date.now();
    if (decoder.count > before) lastEventAt = now;
    else if (now - lastEventAt >= PING_EVERY) {
      lastEventAt = now;
      subscriber.next({ type: 'ping' });
    }
    readWhenOpen();
  };
  const onLoss = (error: unknown) => fail(error, 'connection');
  const read = () => {
    askedAt = Date.now();
    // What is there already comes in the same turn, and a page would not be drawn, nor a timer run,
    // as long as the server is ahead.
    if (askedAt - runSince < LONGEST_RUN) {
      if (rest) return onChunk({ done: false, value: rest });
      return void reader.read().then(onChunk, onLoss);
    }
    nextTurn(() => {
      runSince = Date.now();
      if (!subscriber.closed) read();
    });
  };
  const readWhenOpen = () => whenOpen(valve, subscriber, read);
  readWhenOpen();
}

/** A gateway may leave the content type out, or send a plain one; a page or JSON is no stream. */
function mayBeEventStream(headers: Headers): boolean {
  return !/json|html|xml|image|amazon\.eventstream/.test(headers.get('content-type') ?? '');
}

/** Whether a body without a whole event is an event stream that was cut inside its first frame. */
function beginsLikeOne(head: string): boolean {
  return ['event:', 'data:', 'id:', 'retry:', ':'].some(
    (field) => head !== '' && field.startsWith(head.slice(0, field.length)),
  );
}

function httpError(text: string, { status, headers }: Response): MessageStreamError {
  return fromApiError({ body: parsed(text) ?? { error: text.slice(0, 200) }, status, headers });
}

function notAnEventStream(text: string, response: Response): MessageStreamError {
  const body = parsed(text);
  if (body?.['type'] === 'error' || body?.['error']) {
    return fromApiError({ body, headers: response.headers });
  }
  if (body?.['type'] === 'message') {
    return noEventStream('is a whole message: send the request with `stream: true`', response);
  }
  if (text === '') return noEventStream('is empty', response);
  return noEventStream(
    `is no event stream; it begins with ${JSON.stringify(text.slice(0, 200))}`,
    response,
  );
}

function noEventStream(what: string, { headers, status }: Response): MessageStreamError {
  const type = headers.get('content-type') ?? 'no content type';
  return new MessageStreamError(`The body of the response (${status}, ${type}) ${what}`, {
    code: 'protocol',
    // An empty event stream is a server that gave up, not one that speaks another language.
    retryable: what === 'is empty' && type.includes('event-stream'),
    status,
  });
}

async function readText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  while (text.length < READ_AT_MOST) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

async function readToEnd(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}
