import {
  asyncScheduler,
  catchError,
  endWith,
  identity,
  map,
  of,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { heartbeats } from '../src/flow/heartbeats.ts';
import { clientEvent, errorEvent, type ErrorTextOptions } from '../src/message/errorEvent.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';
import { type EncodableEvent, encodeEvent } from '../src/sse/encodeEvent.ts';
import { invalid, requireFunction } from '../src/flow/require.ts';

export interface ToSseConfig extends ErrorTextOptions {
  /**
   * The `id:` of each frame, which a browser's `EventSource` sends back as `Last-Event-ID` when it
   * reconnects. `true` counts from 0, a function returns the id, `false` omits it. Default: `true`.
   */
  id?: boolean | ((event: EncodableEvent, index: number) => string | number);
  /** Whether a frame has a line `event:` with the type of its event. Default: `true`. */
  eventLine?: boolean;
  /**
   * The data of an additional last frame, such as `[DONE]`, for readers that expect one. It is also
   * sent after an error. Default: none.
   */
  done?: string | undefined;
  /**
   * Milliseconds without an event after which a comment is sent, so that proxies do not close an idle
   * connection. `Infinity` sends none. Default: 15,000.
   */
  heartbeat?: number;
  /** The scheduler of the heartbeats. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Encodes events as frames of server-sent events (SSE).
 *
 * ```text
 * source  --a---b------------------|
 *         toSse({ heartbeat: 8 })
 * result  --A---B-------h-------h--|    A: 'id: 0', 'event: ...', 'data: ...' and an empty line
 *                                       h: ':' and an empty line
 *
 * source  --a--#
 *         toSse()
 * result  --A--(E|)                     E: 'event: error' and its data
 * ```
 *
 * The frames have the format of the API (docs: /docs/en/build-with-claude/streaming). So
 * `fromResponse` in a browser, or the SDK, reads the same events and the same ending as
 * `fromMessages` on the server. Events of other types are encoded too, such as those of `runTools`.
 *
 * - Error: becomes the last frame, in the format of the API; then the result completes. `fromResponse`
 *   restores the error: `code`, `retryable`, `requestId`, `retryAfterMs`, `status`, `errorType` and
 *   `attempts`, a fixed sentence for the code as its message, and as `partial` the events that it has
 *   received. The original message, `cause` and stack are not sent, because they may hold internal
 *   information. To send a different message, set `errorText`.
 * - Complete: passed on, without a frame. `message_stop` tells the reader that a reply is complete.
 * - Unsubscribe: the source is unsubscribed; no timer remains.
 * - Heartbeats show that this server is alive, not that the API is: put `messageTimeout` before this
 *   operator, on the server. `fromResponse` emits heartbeats as pings.
 * - The error in a `resume` event is masked in the same way. The `value` of a `tool_result` is not sent.
 * - For a request that `continueFrom` made, `message_start` has the additional field `continuation`,
 *   with the end of the text so far. With it, `retryResumable` in the reader joins the continuation
 *   exactly.
 *
 * @throws TypeError when `heartbeat` is not a number above 0, `id` is neither a boolean nor a function,
 * or `done` has a line break. An event without a `type`, or an id with a line break, is an error of the
 * stream.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, toSse } from 'claude-rx';
 * import { map } from 'rxjs';
 *
 * // With Fastify, Hono or any other: each frame as a chunk of the body.
 * const chunks = (client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   fromMessages(client, params).pipe(
 *     toSse({ heartbeat: 10_000 }),
 *     map((frame) => new TextEncoder().encode(frame)),
 *   );
 * ```
 */
export function toSse<E extends EncodableEvent = AnyStreamEvent>({
  id = true,
  eventLine = true,
  done,
  heartbeat = 15_000,
  scheduler = asyncScheduler,
  errorText,
}: ToSseConfig = {}): OperatorFunction<E, string> {
  const beats = heartbeats({ caller: 'toSse', every: heartbeat, beat: ':\n\n', scheduler });
  if (typeof id !== 'boolean') requireFunction('toSse', 'id', id, 'a boolean or a function');
  if (done !== undefined && (typeof done !== 'string' || /[\r\n\0]/.test(done))) {
    throw invalid('toSse', 'done', 'one line of text', done);
  }
  const options = { eventLine };

  const withId = (event: E, index: number): string => {
    const frame = encodeEvent(clientEvent(event, { errorText }), options);
    if (id === false) return frame;
    return `id: ${id === true ? index : checkedId(id(event, index))}\n${frame}`;
  };

  return (source) =>
    source.pipe(
      map(withId),
      catchError((error: unknown) => of(encodeEvent(errorEvent(error, { errorText }), options))),
      done === undefined ? identity : endWith(`data: ${done}\n\n`),
      beats,
    );
}

function checkedId(id: string | number): string | number {
  if (!/[\r\n\0]/.test(String(id))) return id;
  throw new TypeError(`toSse: an id must be a single line, not ${JSON.stringify(id)}`);
}
