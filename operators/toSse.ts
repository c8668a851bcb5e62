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
   * The `id:` of each event, which a browser's `EventSource` sends back as `Last-Event-ID` when it
   * connects again: `true` counts from 0, a function says it, `false` leaves it out. Default: `true`.
   */
  id?: boolean | ((event: EncodableEvent, index: number) => string | number);
  /** Whether a frame has a line `event:` with the type of its event. Default: `true`. */
  eventLine?: boolean;
  /**
   * The data of a last frame that ends the stream for its reader, such as `[DONE]`; also after an error.
   * Default: none.
   */
  done?: string | undefined;
  /**
   * After so many milliseconds without an event a comment is sent, so that no proxy takes the
   * connection for dead; `Infinity` sends none. Default: 15,000.
   */
  heartbeat?: number;
  scheduler?: SchedulerLike;
}

/**
 * Writes events as the frames of an event stream.
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
 * A frame holds the event as the API writes it (docs: /docs/en/build-with-claude/streaming), so that
 * `fromResponse` in a browser, or the SDK, reads what `fromMessages` has read: every event, and the
 * ending. Events of other types are taken too, those of `runTools` among them.
 *
 * - Error: becomes the last frame, as the API writes it, then the result completes. `fromResponse`
 *   makes the same error of it: `code`, `retryable`, `requestId`, `retryAfterMs`, `status`, `errorType`
 *   and `attempts`, with a fixed sentence for the code, and `partial` from the events it has received.
 *   The message, the `cause` and the stack are not sent: they may hold what is internal. Option
 *   `errorText` sends more.
 * - Complete: passed on without a frame of its own; `message_stop` says that a reply is whole.
 * - Unsubscribe: the source is unsubscribed; there is no timer left.
 * - Heartbeats are this server's sign of life, not the API's: put `messageTimeout` before, and do not
 *   wait for the reader's. `fromResponse` shows them as pings.
 * - A seam (`resume`) is sent with its error, masked alike. The `value` of a `tool_result` is not sent.
 * - The answer to a request that `continueFrom` made says how it joins what the reader has, so that
 *   `retryResumable` there joins it as exactly as here. What it says has the end of that text, and
 *   is in `message_start` as `continuation`.
 *
 * @throws TypeError when `heartbeat` is no number above 0, `id` is neither a boolean nor a function,
 * or `done` has a line break.
 * An event without a `type`, or an id with a line break, is an error of the stream.
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
  throw new TypeError(`toSse: an id must be one line, got ${JSON.stringify(id)}`);
}
