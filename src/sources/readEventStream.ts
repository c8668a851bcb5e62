import { noop, type Subscriber } from 'rxjs';
import { StreamEnd } from '../message/eventKinds.ts';
import type { MessageStreamErrorCode } from '../message/MessageStreamError.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { requestIdIn, toMessageStreamError, truncation } from '../message/toMessageStreamError.ts';
import { EventDecoder } from '../sse/EventDecoder.ts';
import { bodyError, bodyless } from './bodyError.ts';
import { consumed } from './consumed.ts';
import { drain } from './drain.ts';
import { readToEnd } from './readToEnd.ts';
import type { ResponseOptions } from './SourceOptions.ts';
import { LongRun } from '../flow/LongRun.ts';
import { whenOpen } from '../flow/whenOpen.ts';

/** Bytes that keep coming without ending an event are shown as a ping, at most this often (ms). */
const PING_EVERY = 1_000;
/** A chunk that took longer than this to come was waited for, in a turn of its own (ms). */
const AT_ONCE = 1;
/** So many bytes are decoded at once: a browser hands out what has arrived as one chunk, of any size. */
const LARGEST_CHUNK = 65_536;
/** As much of a body that is no event stream is read, in characters. */
const READ_AT_MOST = 65_536;

export interface ReceiveOptions extends ResponseOptions {
  /** Whether the stream is complete with this event. Default: as `StreamEnd` finds. */
  isLast?: (event: StreamEvent) => boolean;
  /** Called with the `id:` of the last frame that had one, before each event and error. */
  onId?: (id: string | undefined) => void;
}

/**
 * Reads the body of `response` into `subscriber`: all events of a network chunk in one synchronous
 * run. When the subscriber leaves, the reading ends and the request is aborted.
 */
export function readEventStream(
  response: Response,
  subscriber: Subscriber<StreamEvent>,
  {
    onResponse,
    allowMissingMessageStop,
    valve,
    maxFrameLength,
    isLast = lastEvent(),
    onId,
  }: ReceiveOptions,
  abort: () => void,
): void {
  // Thousands of replies may be held at once: this one only until its body is known for what it is.
  let unproven: Response | undefined = response;
  let requestId: string | undefined;
  const fail = (error: unknown, otherwise: MessageStreamErrorCode = 'unknown') => {
    if (unproven) requestId = requestIdIn(unproven.headers);
    subscriber.error(toMessageStreamError(error, { requestId, otherwise }));
  };

  if (response.bodyUsed || response.body?.locked) {
    abort();
    return subscriber.error(consumed('response has been read', REMEDY));
  }
  const reader = response.body?.getReader();
  let finished = false;
  let lastEventAt = Date.now();
  const run = new LongRun();
  let askedAt = lastEventAt;
  let rest: Uint8Array | undefined;
  const onEvent = (event: StreamEvent): void => {
    finished = isLast(event);
    onId?.(decoder.lastId);
    subscriber.next(event);
    if (finished) subscriber.complete();
    if (subscriber.closed) decoder.stop();
  };
  const decoder = new EventDecoder(onEvent, { maxFrameLength });

  const stop = () => {
    abort();
    reader?.cancel().catch(noop);
  };
  subscriber.add(() => {
    decoder.stop();
    if (finished && reader)
      drain(
        readToEnd(() => reader.read()),
        stop,
      );
    else stop();
  });

  try {
    const { status, headers } = response;
    onResponse?.({ requestId: requestIdIn(headers), status, headers });
  } catch (error) {
    return fail(error);
  }
  if (subscriber.closed) return;
  if (!reader) {
    if (response.ok) return fail(bodyless(response));
    // An error answer may have no body, and that of React Native can be read as a whole.
    const onText = (text: string) => fail(bodyError(text, response));
    return void response.text().then(onText, () => onText(''));
  }

  const onChunk = ({ done, value }: ReadableStreamReadResult<Uint8Array>): void => {
    if (subscriber.closed) return;
    const cameAt = Date.now();
    if (cameAt - askedAt > AT_ONCE) run.restart(cameAt);
    const before = decoder.count;
    try {
      // To a reader that asks again after the last id, an unfinished frame comes again.
      if (!done)
        decoder.push(value.length > LARGEST_CHUNK ? value.subarray(0, LARGEST_CHUNK) : value);
      else if (!onId) decoder.end();
    } catch (error) {
      onId?.(decoder.lastId);
      return fail(error);
    }
    if (subscriber.closed) return;
    if (unproven && decoder.count > 0) {
      requestId = requestIdIn(unproven.headers);
      unproven = undefined;
    }
    if (done) {
      if (unproven && !beginsLikeOne(decoder.head)) return fail(bodyError(decoder.head, unproven));
      // Whether an end without message_stop is one is decided where the message is known.
      return allowMissingMessageStop ? subscriber.complete() : fail(truncation());
    }
    rest = value.length > LARGEST_CHUNK ? value.subarray(LARGEST_CHUNK) : undefined;
    if (decoder.count > before) lastEventAt = cameAt;
    else if (cameAt - lastEventAt >= PING_EVERY) {
      lastEventAt = cameAt;
      subscriber.next({ type: 'ping' });
    }
    whenOpen(valve, subscriber, read);
  };
  const onLoss = (error: unknown) => fail(error, 'connection');
  const read = () => {
    askedAt = Date.now();
    // What is there already comes in the same turn of the event loop, as long as the server is ahead.
    if (!run.isOver(askedAt)) {
      if (rest) return onChunk({ done: false, value: rest });
      return void reader.read().then(onChunk, onLoss);
    }
    run.pause(() => {
      if (!subscriber.closed) read();
    });
  };
  if (mayBeEventStream(response)) return whenOpen(valve, subscriber, read);
  refuse(response, reader, fail, (begun) => {
    rest = begun;
    if (!subscriber.closed) whenOpen(valve, subscriber, read);
  });
}

function lastEvent(): (event: StreamEvent) => boolean {
  const end = new StreamEnd();
  return (event) => end.push(event);
}

/** A gateway may leave the content type out, or send a plain one; a page or JSON may be no stream. */
function mayBeEventStream({ ok, headers }: Response): boolean {
  const type = headers.get('content-type') ?? '';
  return ok && !/json|html|xml|image|amazon\.eventstream/.test(type);
}

const FIELDS = ['event:', 'data:', 'id:', 'retry:', ':'];

/** Whether a body without a whole event is an event stream that was cut inside its first frame. */
function beginsLikeOne(head: string): boolean {
  return FIELDS.some((field) => head !== '' && field.startsWith(head.slice(0, field.length)));
}

/**
 * Fails with what the body says instead of events; or hands over its first bytes, where they are those
 * of an event stream after all: some gateways send the wrong content type.
 */
function refuse(
  response: Response,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  fail: (error: unknown, otherwise?: MessageStreamErrorCode) => void,
  onStream: (begun: Uint8Array) => void,
): void {
  readBeginning(reader, response.ok).then(
    (begun) => (typeof begun === 'string' ? fail(bodyError(begun, response)) : onStream(begun)),
    (error) => (response.ok ? fail(error, 'connection') : fail(bodyError('', response))),
  );
}

/** The text of a body; or the first bytes, as soon as they are known to be those of an event stream. */
async function readBeginning(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  mayBeStream: boolean,
): Promise<string | Uint8Array> {
  const decoder = new TextDecoder();
  const chunks: Uint8Array[] = [];
  let text = '';
  while (text.length < READ_AT_MOST) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if (!mayBeStream) continue;
    chunks.push(value);
    const head = text.trimStart();
    if (FIELDS.some((field) => head.startsWith(field)))
      return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
  }
  return text;
}

const REMEDY = 'makes the request: fromResponse((signal) => fetch(url, { signal }))';
