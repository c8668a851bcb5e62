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
import { PartialMessage } from '../message/PartialMessage.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { openResponse } from '../sources/openResponse.ts';
import { readEventStream } from '../sources/readEventStream.ts';
import { RELAY_END } from './offset.ts';

export interface FromRelayOptions {
  /** The offset of the last event that is known. Default: from the beginning. */
  after?: string | undefined;
  /** Makes the requests, with credentials and headers of your own. Default: the platform's `fetch`. */
  fetch?: (
    url: string,
    init: { signal: AbortSignal; headers: Record<string, string> },
  ) => Promise<Response>;
  /** After how many failures in a row, without an event between them, it gives up. Default: 10. */
  count?: number;
  /**
   * Milliseconds before it connects again, or a function that gives them. What the server asked for wins.
   * Default: `exponentialBackoff({ initial: 200 })`.
   */
  delay?: RetryDelay;
  /**
   * After so many milliseconds without a sign of life the connection is taken for dead: more than two
   * of the server's heartbeats. `Infinity` is never. Default: 45,000.
   */
  liveness?: number;
  /** Called before each wait: for a log, or a line that says "reconnecting". */
  onReconnect?: (context: RetryContext) => void;
  /** Where the waits, and `liveness`, are timed. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
  /** The longest frame, in UTF-16 code units, as of `fromResponse`. Default: 67,108,864. */
  maxFrameLength?: number | undefined;
  /** Ends with code `aborted` when it fires. Does not stop the reply. */
  signal?: AbortSignal | undefined;
  /** Makes the source wait while a slow step is behind: see `Valve`. */
  valve?: Valve | undefined;
  /** Whether the `partial` of an error holds the content. Default: `true`. */
  keepContent?: boolean | undefined;
}

/**
 * Reads a reply from the address where `relaySse` serves it: in a browser, or anywhere else.
 *
 * ```text
 * server      --m--a--b--x         x: connection lost
 * again                     --c--d--S|     ?after=<offset of b>
 * result      --m--a--b-------c--d--(S|)
 * ```
 *
 * - Each event is given once: after a lost connection, a node that went down, an end of the body without
 *   the reply's own, or a silence longer than `liveness`, it connects again, with the offset of the
 *   last event that had wholly arrived.
 * - Cold: each subscription begins at `after`.
 * - Error: what the source of the reply ended with, as it was (`code`, `retryable`, `requestId` ...); what
 *   the server refuses (403, 404, 400) at once; and a failure of the connection after `count` of them.
 *   `partial` holds what had arrived, if it began at the beginning.
 * - Complete: when the reply has, however many messages it was.
 * - Unsubscribe: the socket is closed at once, and the reply goes on. To stop that, let the server call
 *   `relay.stop`.
 *
 * @throws TypeError when an option is out of its range.
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
    throw invalid('fromRelay', 'url', 'an address', url);
  }
  requireFunction('fromRelay', 'fetch', request, 'a function like fetch');
  requireNumbers('fromRelay', { liveness }, { above: 0, what: 'milliseconds' });
  requireNumbers('fromRelay', { maxFrameLength }, { min: 1 });
  const attemptsOf = reconnecting('fromRelay', { count, delay, onRetry: onReconnect, scheduler });
  const reply = defer(() => {
    const received = new PartialMessage(keepContent);
    /** The offset of the last event that was given, and of the last frame. */
    let offset = after || undefined;
    let seen = offset;
    const attempts = attemptsOf();
    const partial = () => received.partial;

    const connection = new Observable<StreamEvent>((subscriber) =>
      openResponse(
        subscriber,
        (aborted) => request(withAfter(String(url), offset), { signal: aborted, headers: HEADERS }),
        (response, abort) => {
          // It is over, and all of it is known.
          if (response.status === 204) {
            response.body?.cancel().catch(() => {});
            return subscriber.complete();
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
      // An error that has an offset is the ending of the reply; to ask again would bring it again.
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
