import { Observable, type Subscriber } from 'rxjs';
import { eventsOf } from '../message/eventsOf.ts';
import { unfinishedInput } from '../message/BlockBuilder.ts';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { consumed } from './consumed.ts';
import { drain } from './drain.ts';
import { isAsyncIterable, type EventIterable, readIterable } from './readIterable.ts';
import { endings, type SourceOptions } from './SourceOptions.ts';

/**
 * A stream of events, a promise of one (as `client.messages.create({ stream: true })` gives), or a
 * function that makes one: called for each subscription.
 */
export type StreamInput<E extends AnyStreamEvent> =
  | AsyncIterable<E>
  | PromiseLike<AsyncIterable<E>>
  | ((signal: AbortSignal) => AsyncIterable<E> | PromiseLike<AsyncIterable<E>>);

/** The part of the SDK's `MessageStream` and `BetaMessageStream` that is used. */
interface EmittingStream<E extends AnyStreamEvent> extends AsyncIterable<E> {
  readonly currentMessage: MessageOf<E> | undefined;
  readonly receivedMessages: MessageOf<E>[];
  on(event: 'streamEvent', listener: (event: E) => void): unknown;
  off(event: 'streamEvent', listener: (event: E) => void): unknown;
  done(): Promise<void>;
  abort(): void;
}

/**
 * Turns a stream of events that somebody else opened into an Observable: the SDK's `Stream` or
 * `MessageStream`, an async generator, any async iterable.
 *
 * ```text
 * stream  --m--t--t--t--S-----|
 * result  --m--t--t--t--(S|)
 * ```
 *
 * - Cold when given a function, whose signal aborts when the subscriber leaves. A stream or promise
 *   can be subscribed once.
 * - A `MessageStream` that is under way, or at its end, is caught up with: what it has is emitted
 *   first, one delta a block. (Its own iterator would wait for ever, and loses its error when the
 *   consumer is slow: SDK src/lib/MessageStream.ts.)
 * - A `MessageStream` reads on whatever its readers do, so an option `valve` cannot slow it; it does
 *   slow the SDK's `Stream` and generators.
 * - Error: a `MessageStreamError` with `partial`; a stream that ends before `message_stop` is
 *   `truncated`, one that was aborted by somebody else `aborted`.
 * - Complete: at `message_stop`.
 * - Unsubscribe: the SDK's streams are aborted at once, also in the middle of a stall; a generator
 *   is told to return, which it does at its next `yield`, unless it heeds the signal.
 *
 * @throws TypeError when given neither a stream nor a promise nor a function.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromStream, textOnly } from 'claude-rx';
 *
 * const client = new Anthropic();
 * fromStream((signal) =>
 *   client.messages.stream(
 *     { model: 'claude-opus-5-5', max_tokens: 1024, messages: [{ role: 'user', content: 'Hi' }] },
 *     { signal },
 *   ),
 * )
 *   .pipe(textOnly())
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function fromStream<E extends AnyStreamEvent>(
  input: StreamInput<E>,
  options: SourceOptions = {},
): Observable<E> {
  if (typeof input !== 'function' && !isAsyncIterable(input) && !isPromise(input)) {
    throw new TypeError(
      'fromStream: pass an async iterable of events, a promise of one, or a function that returns one',
    );
  }
  let used = false;
  return new Observable<E>((subscriber) => {
    const controller = new AbortController();
    const abort = () => controller.abort();
    let opened = false;
    subscriber.add(() => {
      if (!opened) abort();
    });

    const take = (stream: AsyncIterable<E>): void => {
      opened = true;
      if (isEmitting(stream)) listen(stream, subscriber, abort);
      else readIterable(stream as EventIterable<E>, subscriber, abort, options);
    };
    const fail = (error: unknown) => subscriber.error(toMessageStreamError(error));

    if (used) return fail(consumed('stream has been subscribed', REMEDY));
    used = typeof input !== 'function';
    try {
      const stream = typeof input === 'function' ? input(controller.signal) : input;
      if (isAsyncIterable(stream)) take(stream as AsyncIterable<E>);
      else stream.then(take).then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }).pipe(endings(options));
}

/** Listens to a `MessageStream`, after the events that it has already had. */
function listen<E extends AnyStreamEvent>(
  stream: EmittingStream<E>,
  subscriber: Subscriber<E>,
  abort: () => void,
): void {
  const stop = () => {
    stream.abort();
    abort();
  };
  let finished = false;
  const next = (event: E): void => {
    if (subscriber.closed) return;
    finished = event.type === 'message_stop';
    subscriber.next(event.type === 'message_start' ? (apart(event) as E) : event);
    if (finished) subscriber.complete();
  };
  const end = stream.done().then(
    () => subscriber.complete(),
    (error) => subscriber.error(toMessageStreamError(error)),
  );
  subscriber.add(() => {
    stream.off('streamEvent', next);
    if (finished) drain(end, stop);
    else stop();
  });

  const last = stream.receivedMessages.at(-1);
  const message = last ?? stream.currentMessage;
  if (message) {
    for (const event of eventsOf<E>(withInputText(message), { open: !last })) next(event);
  }
  if (!subscriber.closed) stream.on('streamEvent', next);
}

/** The SDK keeps the text of a tool's input aside, and shows what it could parse of it. */
function withInputText<M extends { content: object[] }>(message: M): M {
  const content = message.content.map((block) =>
    '__json_buf' in block ? { ...block, [unfinishedInput]: block.__json_buf } : block,
  );
  return { ...message, content };
}

/** The SDK goes on to fill the message of its `message_start`; an emitted event does not change. */
function apart<E extends { message?: unknown }>(event: E): E {
  const message = event.message as { content: unknown[]; usage: object };
  return {
    ...event,
    message: { ...message, content: [...message.content], usage: { ...message.usage } },
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>>)?.then === 'function';
}

function isEmitting<E extends AnyStreamEvent>(
  stream: AsyncIterable<E>,
): stream is EmittingStream<E> {
  return 'receivedMessages' in stream && 'currentMessage' in stream;
}

const REMEDY = 'opens it: fromStream(() => client.messages.stream(params))';
