import { noop, Subscriber } from 'rxjs';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { markTraced } from '../message/tracedReply.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { readEventStream } from './readEventStream.ts';
import { readToEnd } from './readToEnd.ts';
import type { ResponseOptions } from './SourceOptions.ts';

/**
 * Whether the SDK traces the request that `stream` is the parsed reply of. The iterator of a traced
 * stream is replaced by one that ends the span: SDK src/internal/tracing.ts, `observeStream`.
 */
export function isTraced(stream: unknown): stream is AsyncIterable<unknown> {
  if (typeof stream !== 'object' || stream === null) return false;
  const { asyncIterator } = Symbol;
  return Object.hasOwn(stream, asyncIterator) && asyncIterator in Object.getPrototypeOf(stream);
}

/**
 * Reads `response` as `readEventStream` does, and ends the SDK's span of the request as the reply ends.
 *
 * That span ends with the iteration of `stream`, the SDK's own parser of the body. The body is read
 * here instead, so the parser gets a body of its own: the events that the span reads, and the ending.
 *
 * - Error: the parser fails with it before the request is aborted, which would count as a
 *   cancellation.
 * - Unsubscribe: the iteration is cancelled, which leaves the status of the span unset.
 */
export function readTraced(
  stream: AsyncIterable<unknown>,
  response: Response,
  subscriber: Subscriber<StreamEvent>,
  options: ResponseOptions,
  abort: () => void,
): void {
  const body = new SpanBody();
  const iterator = stream[Symbol.asyncIterator]();
  let parsed: Promise<unknown> = Promise.resolve();

  const leave = (): void => {
    if (body.isClosed) return void parsed.then(abort, abort);
    iterator.return?.().catch(noop);
    body.close();
    abort();
  };
  readEventStream(response, new FedSubscriber(subscriber, body), options, leave);

  // The real body has its reader by now.
  Object.defineProperty(response, 'body', { value: body.stream });
  parsed = readToEnd(() => iterator.next()).catch(noop);
}

/** Feeds the body of the span with what it passes on. */
class FedSubscriber extends Subscriber<StreamEvent> {
  readonly #body: SpanBody;
  #hasDelta = false;

  constructor(destination: Subscriber<StreamEvent>, body: SpanBody) {
    super(destination);
    this.#body = body;
  }

  protected override _next(event: StreamEvent): void {
    // By far the most events are deltas, of which the span sees the first.
    const isDelta = event.type === 'content_block_delta';
    if (!isDelta || !this.#hasDelta) {
      this.#hasDelta ||= isDelta;
      markTraced(event);
      this.#body.push(event);
    }
    this.destination.next(event);
  }

  protected override _error(error: unknown): void {
    this.#body.fail(error);
    super._error(error);
  }

  protected override _complete(): void {
    this.#body.complete();
    super._complete();
  }
}

/** As much of a reply as the SDK's span reads: about four events, whatever its length. */
class SpanBody {
  readonly stream: ReadableStream<Uint8Array>;
  #feed!: ReadableStreamDefaultController<Uint8Array>;
  #hasEvents = false;
  #hasStopReason = false;
  isClosed = false;

  constructor() {
    this.stream = new ReadableStream({ start: (controller) => void (this.#feed = controller) });
  }

  push(event: StreamEvent): void {
    const { type } = event;
    // The span takes the model from a fallback. The API's types of `client.messages` do not have it.
    const isFallback =
      type === 'content_block_start' && (event.content_block?.type as string) === 'fallback';
    if (type === 'content_block_delta') this.#write({ type, index: 0, delta: {} });
    if (type.startsWith('message_') || isFallback) this.#write(event);
    if (type === 'message_delta') this.#hasStopReason ||= Boolean(event.delta?.stop_reason);
    if (type === 'message_stop') this.close();
  }

  /** A reply without `message_stop` is whole where its stop reason came and that is allowed. */
  complete(): void {
    if (this.#hasStopReason) this.#write({ type: 'message_stop' });
    this.close();
  }

  fail(thrown: unknown): void {
    if (this.isClosed) return;
    const error = toMessageStreamError(thrown);
    const { errorType: type, code, message } = error;
    if (type !== undefined) this.#write({ type: 'error', error: { type, message } });
    // The parser itself reports a body that ends before `message_stop`, or that has no events.
    const isSeen = code === 'truncated' || (code === 'protocol' && !this.#hasEvents);
    if (type !== undefined || isSeen) return this.close();
    this.isClosed = true;
    this.#feed.error(error);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#feed.close();
  }

  #write(event: EncodableEvent): void {
    this.#hasEvents = true;
    if (this.isClosed) return;
    // Without `encodeEvent`, whose fast path for deltas is of no use for four events.
    const frame = `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
    this.#feed.enqueue(new TextEncoder().encode(frame));
  }
}
