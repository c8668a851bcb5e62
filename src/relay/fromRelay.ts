import {
  catchError,
  defer,
  filter,
  Observable,
  retry,
  type SchedulerLike,
  tap,
  throwError,
} from 'rxjs';
import { messageTimeout } from '../../operators/messageTimeout.ts';
import { takeUntilAborted } from '../../operators/takeUntilAborted.ts';
import { invalid, requireFunction, requireNumbers } from '../flow/require.ts';
import type { Valve } from '../flow/Valve.ts';
import { reconnecting, type RetryContext, type RetryDelay } from '../recovery/reconnecting.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { PartialMessage } from '../message/PartialMessage.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { openResponse } from '../sources/openResponse.ts';
import { readEventStream } from '../sources/readEventStream.ts';
import { RELAY_END } from './offset.ts';

export interface FromRelayOptions {
  /** The offset of the last received event. Default: none, from the beginning. */
  after?: string | undefined;
  /** Sends the requests, for example with credentials or headers. Default: the platform's `fetch`. */
  fetch?: (
    url: string,
    init: { signal: AbortSignal; headers: Record<string, string> },
  ) => Promise<Response>;
  /** The maximum number of retries in a row without an event between them. Default: 10. */
  count?: number;
  /**
   * Milliseconds before a reconnect, or a function that returns them. The delay that the server asked for
   * takes precedence. Default: `exponentialBackoff({ initial: 200 })`.
   */
  delay?: RetryDelay;
  /**
   * Milliseconds without an event or heartbeat after which the connection counts as lost. Choose more than
   * two heartbeats of the server. `Infinity` is off. Default: 45,000.
   */
  liveness?: number;
  /** Called before each wait, for a log or a "reconnecting" message. */
  onReconnect?: (context: RetryContext) => void;
  /** The scheduler of the waits and of `liveness`. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
  /** The maximum length of a frame, in UTF-16 code units, as in `fromResponse`. Default: 67,108,864. */
  maxFrameLength?: number | undefined;
  /** When it aborts, the Observable errors with code `aborted`. The reply goes on. Default: none. */
  signal?: AbortSignal | undefined;
  /** Pauses the source while the valve is closed: see `Valve`. Default: none. */
  valve?: Valve | undefined;
  /** Whether the `partial` of an error holds the content. Default: `true`. */
  keepContent?: boolean | undefined;
}

/**
 * Reads a reply that `relaySse` serves at this URL: in a browser, or anywhere else.
 *
 * ```text
 * server      --m--a--b--x         x: connection lost
 * again                     --c--d--S|     ?after=<offset of b>
 * result      --m--a--b-------c--d--(S|)
 * ```
 *
 * - Each event is emitted exactly once. After a lost connection, a lost node, an incomplete body or a
 *   silence longer than `liveness`, it reconnects with the offset of the last complete event.
 * - Cold: each subscription begins at `after`.
 * - Error: the error of the reply (`code`, `retryable`, `requestId` ...); a refusal of the server (403,
 *   404, 400), at once; a failure of the connection, after `count` retries. If
 *   `after` is not set, `partial` holds what has arrived.
 * - Complete: with the reply, also if it has several messages.
 * - Unsubscribe: the connection is closed at once, and the reply goes on. To stop the reply, call
 *   `relay.stop` on the server.
 *
 * @throws TypeError when an option is out of range.
 *
 * @example
 * ```ts
 * import { fromRelay } from 'claude-rx/relay';
 * import { messageState } from 'claude-rx';
 *
 * const state$ = (id: string) =>
 *   fromRelay(`/replies/${encodeURIComponent(id)}`, {
 *     fetch: (url, init) => fetch(url, { ...init, credentials: 'include' }),
 *   }).pipe(messageState());
 * ```
 */
export function fromRelay(
  url: string | URL,
  {
    after,
    fetch: request = (to, init) => fetch(to, init),
    count = 10,
    delay,
    liveness = 45_000,
    onReconnect,
    scheduler,
    maxFrameLength,
    signal,
    valve,
    keepContent = true,
  }: FromRelayOptions = {},
): Observable<StreamEvent> {
  if (typeof url !== 'string' && !(url instanceof URL)) {
    throw invalid('fromRelay', 'url', 'a string or a URL', url);
  }
  requireFunction('fromRelay', 'fetch', request, 'a function like fetch');
  requireNumbers('fromRelay', { liveness }, { above: 0, what: 'milliseconds' });
  requireNumbers('fromRelay', { maxFrameLength }, { min: 1 });
  const attemptsOf = reconnecting('fromRelay', { count, delay, onRetry: onReconnect, scheduler });
  const reply = defer(() => {
    const received = new PartialMessage(keepContent);
    /** The offset of the last emitted event, and of the last frame. */
    let offset = after || undefined;
    let seen = offset;
    const attempts = attemptsOf();
    const partial = () => received.partial;

    const connection = new Observable<StreamEvent>((subscriber) =>
      openResponse(
        subscriber,
        (aborted) => request(withAfter(String(url), offset), { signal: aborted, headers: HEADERS }),
        (response, abort) => {
          // The reply has ended, and all of it has been received.
          if (response.status === 204) {
            response.body?.cancel().catch(() => {});
            // A reader that has no event yet cannot have the whole reply.
            return offset === undefined ? subscriber.error(noReply()) : subscriber.complete();
          }
          readEventStream(
            response,
            subscriber,
            { valve, maxFrameLength, isLast: isEnd, onId: (id) => (seen = id || seen) },
            abort,
          );
        },
      ),
    ).pipe(
      messageTimeout({
        liveness,
        keepContent: false,
        ...(valve && { valve }),
        ...(scheduler && { scheduler }),
      }),
    );

    const wait = (thrown: unknown): Observable<unknown> => {
      const error = toMessageStreamError(thrown);
      // An error with an offset is the ending of the reply: another request would return it again.
      const isEnding = seen !== offset;
      if (isEnding || !attempts.mayFollow(error)) throw error;
      return attempts.wait({ error, partial: partial() });
    };

    return connection.pipe(
      tap((event) => {
        if (seen !== offset) attempts.progress();
        offset = seen;
        received.push(event);
      }),
      retry({ delay: wait }),
      filter((event) => !isEnd(event)),
      catchError((error: unknown) => throwError(() => toMessageStreamError(error, { partial }))),
    );
  });
  return signal ? reply.pipe(takeUntilAborted(signal, { keepContent })) : reply;
}

function noReply(): MessageStreamError {
  return new MessageStreamError(
    'The answer is 204 (all of the reply is known), but nothing of it has arrived: check the address, ' +
      'and what is between the relay and its reader',
    { code: 'protocol', status: 204 },
  );
}

const HEADERS = { accept: 'text/event-stream' };

function isEnd({ type }: { type: string }): boolean {
  return type === RELAY_END;
}

function withAfter(url: string, offset: string | undefined): string {
  if (offset === undefined) return url;
  const [address = '', fragment] = url.split('#', 2);
  const joint = address.includes('?') ? '&' : '?';
  const end = fragment === undefined ? '' : `#${fragment}`;
  return `${address}${joint}after=${encodeURIComponent(offset)}${end}`;
}
