import type {
  BetaRawMessageStreamEvent,
  MessageCreateParamsBase as BetaMessageCreateParams,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  MessageCreateParamsBase as MessageCreateParams,
  Messages,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages/messages';
import { identity, map, noop, Observable } from 'rxjs';
import { requireNumbers } from '../flow/require.ts';
import { continuation, withContinuation } from '../message/continuation.ts';
import type { AnyStreamEvent, BetaStreamEvent, StreamEvent } from '../message/StreamEvent.ts';
import { type EventIterable, readIterable } from './readIterable.ts';
import { openResponse } from './openResponse.ts';
import { readEventStream } from './readEventStream.ts';
import { isTraced, readTraced } from './readTraced.ts';
import { readWholeMessage } from './readWholeMessage.ts';
import { endings, type ResponseOptions } from './SourceOptions.ts';

/** What the SDK's `messages.create` gives for `stream: true`. */
interface StreamCall<Event> extends PromiseLike<EventIterable<Event>> {
  asResponse(): Promise<Response>;
  withResponse?(): Promise<{ data: EventIterable<Event>; response: Response }>;
}

// By shape and not by class: each copy of the SDK (the Bedrock client brings its own) and each of
// its two module formats has distinct classes.
interface ClientOf<Params, Event> {
  messages: {
    create(
      params: Params & { stream: true },
      options?: { signal?: AbortSignal | null | undefined },
    ): StreamCall<Event>;
  };
}

/** An SDK client: `Anthropic`, `AnthropicBedrock`, `AnthropicVertex`. */
export interface MessagesClient extends ClientOf<MessageCreateParams, RawMessageStreamEvent> {}
/** The `beta` property of an SDK client. */
export interface BetaMessagesClient extends ClientOf<
  BetaMessageCreateParams,
  BetaRawMessageStreamEvent
> {}

/** The parameters of the request, `stream` left out. */
export type MessagesParams<Client> = Omit<
  Client extends MessagesClient ? MessageCreateParams : BetaMessageCreateParams,
  'stream'
>;

export interface MessagesOptions extends ResponseOptions {
  /**
   * With `false` the reply is not streamed: its events come all at once when it is whole. For what
   * does not stream, and for tests. Default: `true`.
   */
  stream?: boolean | undefined;
  /**
   * Options for the SDK's request. Its `timeout` (milliseconds) and `maxRetries` cover the time up
   * to the headers; for the body there is `messageTimeout`.
   */
  request?: Omit<NonNullable<Parameters<Messages['create']>[1]>, 'signal' | 'stream'> | undefined;
}

/**
 * Asks Claude and gives the reply as an Observable of events.
 *
 * ```text
 * request  POST /v1/messages
 * body     --m--t-t--ttt--S|
 * result   --m--t-t-(ttt)-(S|)
 * ```
 *
 * The SDK makes the request, with its authentication and its retries up to the headers; the body is
 * read here, all events of a network chunk in one synchronous run. Pings, which the SDK drops, are
 * passed on.
 *
 * - Cold: each subscription sends a request of its own.
 * - Error: a `MessageStreamError` with `partial`, request id and the SDK's or platform's error as
 *   `cause`. An end before `message_stop`, which the SDK's stream takes for a good one, is
 *   `truncated`.
 * - Complete: at `message_stop`, without waiting for the end of the body, which is then read for at
 *   most 250 ms so that the connection can be used again.
 * - Unsubscribe: the request is aborted and the socket closed at once, in any phase; inside a chunk
 *   the next event is the first that is not emitted.
 *
 * Where OpenTelemetry is registered, the SDK's span of the request ends as the reply ends: OK, ERROR
 * with the error's type, or unset after an unsubscribe.
 *
 * With `client.beta` the events, and what operators make of them, are of the beta types. The
 * Bedrock client's body is an event stream as well since its version 1; one that is not is read
 * through the SDK's own stream, without pings.
 *
 * @throws TypeError when `client` has no `messages.create`.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, textOnly } from 'claude-rx';
 *
 * fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user', content: 'Hello, Claude' }],
 * })
 *   .pipe(textOnly())
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function fromMessages<Client extends MessagesClient | BetaMessagesClient>(
  client: Client,
  params: MessagesParams<Client>,
  options: MessagesOptions = {},
): Observable<Client extends MessagesClient ? StreamEvent : BetaStreamEvent> {
  if (typeof client?.messages?.create !== 'function') {
    throw new TypeError(
      'fromMessages: pass an SDK client, `new Anthropic()`, or its `beta` property',
    );
  }
  requireNumbers('fromMessages', { maxFrameLength: options.maxFrameLength }, { min: 1 });
  // The types of the two clients meet the caller; inside, one is as good as the other.
  const { messages } = client as MessagesClient;
  const isStreamed = options.stream ?? true;
  const body = { ...params, stream: isStreamed } as MessageCreateParams & { stream: true };
  return new Observable<StreamEvent>((subscriber) => {
    let call: StreamCall<RawMessageStreamEvent>;
    /** The SDK's own parser of the body, which reads nothing before it is iterated. */
    let stream: unknown;
    let whole: Promise<unknown> | undefined;
    openResponse(
      subscriber,
      (signal) => {
        call = messages.create(body, { ...options.request, signal });
        // `asResponse` alone ends the SDK's span of the request at the headers: SDK
        // src/core/api-promise.ts. A client of another make has no more than that.
        if (!call.withResponse) return call.asResponse();
        if (isStreamed) {
          return call.withResponse().then(({ data, response }) => {
            stream = data;
            return response;
          });
        }
        whole = Promise.resolve(call);
        whole.catch(noop);
        return call.asResponse();
      },
      (response, abort) => {
        if (!isStreamed) return readWholeMessage(response, subscriber, options, abort, whole);
        if (isAwsEventStream(response)) {
          call.then(
            (events) => readIterable<AnyStreamEvent>(events, subscriber, abort, options),
            (error) => subscriber.error(error),
          );
          return;
        }
        if (isTraced(stream)) readTraced(stream, response, subscriber, options, abort);
        else readEventStream(response, subscriber, options, abort);
      },
    );
  }).pipe(
    // For `retryResumable`, which joins this reply to the one that it continues.
    continuation in params ? map((event) => withContinuation(event, params)) : identity,
    endings(options),
  ) as Observable<never>;
}

/** The framing of Bedrock clients before 1.0, which their own stream decodes. */
function isAwsEventStream({ headers }: Response): boolean {
  return headers.get('content-type')?.includes('application/vnd.amazon.eventstream') ?? false;
}
