import {
  asyncScheduler,
  catchError,
  fromEvent,
  identity,
  map,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  type OperatorFunction,
  type SchedulerLike,
  take,
} from 'rxjs';
import { heartbeats } from '../flow/heartbeats.ts';
import type { Valve } from '../flow/Valve.ts';
import { clientEvent, errorEvent, type ErrorTextOptions } from '../message/errorEvent.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';

/** What a route with `@Sse()` emits: the fields of Nest's `MessageEvent` that are used. */
export interface SseMessage {
  type?: string;
  data?: object;
  comment?: string;
}

/** What is used of the response of the route: `@Res({ passthrough: true })`, or Fastify's `reply.raw`. */
export interface SseRouteResponse {
  readonly writableNeedDrain?: boolean;
  on(event: string, listener: (value?: unknown) => void): unknown;
  off(event: string, listener: (value?: unknown) => void): unknown;
}

export interface ToMessageEventsConfig extends ErrorTextOptions {
  /** The response that Nest writes to; together with `valve`, it makes the source wait for a slow client. */
  response?: SseRouteResponse;
  /** The valve that the source has as its option `valve`. */
  valve?: Valve;
  /**
   * After so many milliseconds without an event a comment is sent, so that no proxy takes the
   * connection for dead; `Infinity` sends none. Default: 15,000.
   */
  heartbeat?: number;
  /** Where heartbeats are timed. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Makes of a reply what a NestJS route with `@Sse()` returns: `toSse` for Nest.
 *
 * ```text
 * source  --a--b--------------#
 *         toMessageEvents({ heartbeat: 8 })
 * result  --A--B-------h------(E|)    A: { type, data }, h: { comment }, E: type 'error' and its data
 * ```
 *
 * `fromResponse` in a browser, or the SDK, reads what `fromMessages` has read, its ending included.
 * Nest alone would make of any error the text `Internal server error`, of which no reader can tell
 * what broke and whether to try again; and it keeps for a slow client what the client does not take,
 * and drops the client when that is too much (`maxPendingDataLength`), as it cannot pause a source.
 *
 * - Error: becomes the last message, masked as in `toSse`, then the result completes. Option
 *   `errorText` sends more than a fixed sentence.
 * - Slow client: with `response` and `valve`, nothing is handed to Nest while the response is full.
 *   The source waits, and what Nest keeps is bounded by the marks of the valve and a network chunk.
 * - Complete: passed on. Unsubscribe, which Nest does when the client leaves: the source is
 *   unsubscribed, and there is no timer left.
 *
 * The ids are left to Nest, which counts. A browser's `EventSource` connects again when a reply is
 * over, and would ask for another: answer one that sends `Last-Event-ID` with 204, which ends it.
 *
 * @throws TypeError when there is only one of `response` and `valve`, or `heartbeat` is not a number
 * above 0.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, Valve } from 'claude-rx';
 * import { type SseRouteResponse, toMessageEvents } from 'claude-rx/nest';
 *
 * // In a controller: @Sse('ask') ask(@Query('prompt') prompt, @Res({ passthrough: true }) response)
 * const ask = (client: Anthropic, prompt: string, response: SseRouteResponse) => {
 *   const valve = new Valve();
 *   return fromMessages(
 *     client,
 *     { model: 'claude-opus-5-5', max_tokens: 1024, messages: [{ role: 'user', content: prompt }] },
 *     { valve, keepContent: false },
 *   ).pipe(toMessageEvents({ response, valve }));
 * };
 * ```
 */
export function toMessageEvents<E extends EncodableEvent = AnyStreamEvent>({
  response,
  valve,
  heartbeat = 15_000,
  scheduler = asyncScheduler,
  errorText,
}: ToMessageEventsConfig = {}): OperatorFunction<E, SseMessage> {
  if ((response === undefined) !== (valve === undefined)) {
    throw new TypeError(
      'toMessageEvents: give `response` and `valve` together, and the same valve to the source',
    );
  }
  const beats = heartbeats<SseMessage>({
    caller: 'toMessageEvents',
    every: heartbeat,
    beat: { comment: '' },
    scheduler,
    isHeld: () => response?.writableNeedDrain === true,
  });
  const paced: MonoTypeOperatorFunction<SseMessage> =
    response && valve
      ? valve.concatMap((message) =>
          response.writableNeedDrain ? drained(response, message) : of(message),
        )
      : identity;

  return (source) =>
    source.pipe(
      map((event): SseMessage => ({ type: event.type, data: clientEvent(event, { errorText }) })),
      catchError((error: unknown) => of({ type: 'error', data: errorEvent(error, { errorText }) })),
      paced,
      beats,
    );
}

/** The message, when the response takes more, or never will. */
function drained<T>(response: SseRouteResponse, message: T): Observable<T> {
  return merge(fromEvent(response, 'drain'), fromEvent(response, 'close')).pipe(
    take(1),
    map(() => message),
  );
}
