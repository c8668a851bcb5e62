import type {
  BetaManagedAgentsSessionEvent,
  BetaManagedAgentsStreamSessionEvents,
} from '@anthropic-ai/sdk/resources/beta/sessions/events';
import type { Messages } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  concat,
  concatWith,
  defer,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  mergeMap,
  Observable,
  retry,
  type SchedulerLike,
  takeUntil,
  takeWhile,
  tap,
  throwError,
} from 'rxjs';
import { SeenSessionEvents } from './SeenSessionEvents.ts';
import type { Valve } from '../flow/Valve.ts';
import { whenAborted } from '../flow/whenAborted.ts';
import { reconnecting, type RetryContext, type RetryDelay } from '../recovery/reconnecting.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { pull } from '../sources/readIterable.ts';

/** An event of a Managed Agents session, or a preview of one. */
export type SessionEvent = BetaManagedAgentsStreamSessionEvents;

/** The part of an SDK client that is used; by shape, since each copy of the SDK has its own class. */
export interface SessionsClient {
  beta: {
    sessions: {
      events: SessionEventsClient;
      threads: { events: SessionEventsClient<{ session_id: string }> };
    };
  };
}

/** Where the client has the events of a session, or of a thread. */
export interface SessionEventsClient<Params = unknown> {
  stream(
    id: string,
    params: Params & { event_deltas?: ('agent.message' | 'agent.thinking')[] },
    options?: Parameters<Messages['create']>[1],
  ): PromiseLike<AsyncIterable<SessionEvent>>;
  list(
    id: string,
    params: Params & { limit?: number },
    options?: Parameters<Messages['create']>[1],
  ): AsyncIterable<BetaManagedAgentsSessionEvent>;
}

export interface FromSessionOptions {
  /** Follows this thread, a subagent, and not the session. */
  thread?: string | undefined;
  /** Whether the events that there were before come first. Default: `true`. */
  history?: boolean | undefined;
  /** The types whose events are previewed while they are written. Default: none. */
  previews?: readonly ('agent.message' | 'agent.thinking')[] | undefined;
  /** How many times in a row, without anything new, it connects again. Default: 10. */
  count?: number | undefined;
  /**
   * Milliseconds before it connects again, or a function that gives them. What the server asked for,
   * `error.retryAfterMs`, wins. Default: `exponentialBackoff({ initial: 200 })`.
   */
  delay?: RetryDelay | undefined;
  /**
   * Called before each wait: for a log, or a line that says "reconnecting". There is no `partial`, since
   * a session is no message.
   */
  onReconnect?: ((context: RetryContext) => void) | undefined;
  /** Where the waits are timed. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
  /** Ends it from outside with an error of code `aborted`, and the signal's reason as `cause`. */
  signal?: AbortSignal | undefined;
  /** Makes the source wait while a slow step is behind: see `Valve`. */
  valve?: Valve | undefined;
  /** Options for the SDK's requests. */
  request?: Omit<NonNullable<Parameters<Messages['create']>[1]>, 'signal' | 'stream'> | undefined;
}

/** As many events as a page of the history may have. */
const PAGE = 1_000;

/**
 * Follows a Managed Agents session, and loses no event of it.
 *
 * ```text
 * history  abc                  abcdef
 * stream   ---c--d--#           ------f--g--      #: the connection is lost while e happens
 * result   (abc)-d--------------(ef)-----g--
 * ```
 *
 * Only what happens after a stream was opened comes on it. So the stream is opened first, then the
 * history is read, then the stream, without what has been seen
 * (docs: /docs/en/managed-agents/events-and-streaming). When the connection is lost, or ends, the same
 * is done again.
 *
 * - Cold: each subscription reads the history and has a connection of its own.
 * - Each event comes once, told by its `id`; those of the history in the order of the history.
 * - With `previews`, an `event_start` and its `event_delta`s come ahead of the event with the same `id`,
 *   which takes their place. They are best effort: after a new connection the rest of a preview is left
 *   out, and so is all of one whose event has come. A preview may have no event: then it ends with
 *   `span.model_request_end`.
 * - Error: a `MessageStreamError`, where connecting again is of no use: HTTP 4xx but 408, 409 and 429;
 *   and the last one after `count` attempts.
 * - Complete: after `session.deleted` or `session.status_terminated`; of a thread, after its
 *   `session.thread_status_terminated`. A session that is idle goes on with the next message.
 * - Unsubscribe: the request, the connection, or the wait ends at once.
 * - The SDK reads the stream: there is no limit to the length of an event.
 * - The ids of all events are kept. A connection that is silent is given up by the platform, in Node
 *   after 5 minutes.
 *
 * @throws TypeError when `client` has no `beta.sessions`, `sessionId` is no string, or `count` no whole
 * number from 0 on.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromSession } from 'claude-rx';
 * import { takeWhile } from 'rxjs';
 *
 * fromSession(new Anthropic(), 'sesn_011CZkZAtmR3yMPDzynEDxu7', { history: false })
 *   .pipe(takeWhile(({ type }) => type !== 'session.status_idle'))
 *   .subscribe((event) => {
 *     if (event.type !== 'agent.message') return;
 *     for (const block of event.content) if (block.type === 'text') console.log(block.text);
 *   });
 * ```
 */
export function fromSession(
  client: SessionsClient,
  sessionId: string,
  options: FromSessionOptions = {},
): Observable<SessionEvent> {
  check(client, sessionId);
  const { count = 10, delay, onReconnect: onRetry, scheduler, history = true } = options;
  const attemptsOf = reconnecting('fromSession', { count, delay, onRetry, scheduler });
  return defer(() => {
    const tail = new SeenSessionEvents();
    const attempts = attemptsOf();
    let isOver = false;
    const { open, list } = endpoints(client, sessionId, options);
    const isNew = filter((event: SessionEvent) => tail.take(event));
    const note = tap((event: SessionEvent) => (isOver ||= endsSession(event, options)));
    const past = (signal: AbortSignal) => pulled(() => list(signal), options).pipe(isNew, note);

    /** Where what there was before is not wanted: it is read ahead of everything, once. */
    let isRead = history;
    const before = aborting(past).pipe(ignoreElements(), tap({ complete: () => (isRead = true) }));

    const connection = aborting((signal) =>
      defer(() => open(signal)).pipe(
        tap(() => tail.reconnect()),
        mergeMap((stream) => {
          // Whatever is wrong with a stream, another one and the history will bring the same.
          const live = pulled(() => stream, options, 'connection').pipe(isNew, note);
          return concat(
            past(signal),
            defer(() => (isOver ? EMPTY : live.pipe(takeWhile(() => !isOver, true)))),
          );
        }),
      ),
    );

    const wait = (thrown: unknown): Observable<unknown> => {
      const error = toMessageStreamError(thrown);
      if (!attempts.mayFollow(error)) throw error;
      return attempts.wait({ error, partial: undefined });
    };

    return concat(
      defer(() => (isRead ? EMPTY : before)),
      defer(() => (isOver ? EMPTY : connection)),
    ).pipe(
      tap(() => attempts.progress()),
      concatWith(defer(() => (isOver ? EMPTY : throwError(ended)))),
      retry({ delay: wait }),
      options.signal ? takeUntil(whenAborted(options.signal)) : (same) => same,
    );
  });
}

function endpoints(
  { beta: { sessions } }: SessionsClient,
  sessionId: string,
  { thread, previews = [], request }: FromSessionOptions,
) {
  const deltas = previews.length > 0 ? { event_deltas: [...previews] } : {};
  const of = { session_id: sessionId };
  return {
    open: (signal: AbortSignal) =>
      thread === undefined
        ? sessions.events.stream(sessionId, deltas, { ...request, signal })
        : sessions.threads.events.stream(thread, { ...deltas, ...of }, { ...request, signal }),
    list: (signal: AbortSignal) =>
      thread === undefined
        ? sessions.events.list(sessionId, { limit: PAGE }, { ...request, signal })
        : sessions.threads.events.list(thread, { limit: PAGE, ...of }, { ...request, signal }),
  };
}

/** An Observable whose signal aborts when it has ended, or is left. */
function aborting<T>(project: (signal: AbortSignal) => Observable<T>): Observable<T> {
  return defer(() => {
    const controller = new AbortController();
    return project(controller.signal).pipe(finalize(() => controller.abort()));
  });
}

function pulled(
  open: () => AsyncIterable<SessionEvent>,
  { valve }: FromSessionOptions,
  otherwise?: 'connection',
): Observable<SessionEvent> {
  return new Observable((subscriber) => {
    const fail = (error: unknown) =>
      subscriber.error(toMessageStreamError(error, otherwise && { otherwise }));
    pull(open()[Symbol.asyncIterator](), subscriber, fail, valve);
  });
}

function endsSession({ type }: SessionEvent, { thread }: FromSessionOptions): boolean {
  if (thread !== undefined && type === 'session.thread_status_terminated') return true;
  return type === 'session.deleted' || type === 'session.status_terminated';
}

function ended(): MessageStreamError {
  return new MessageStreamError('The stream of the session ended, though the session goes on', {
    code: 'truncated',
  });
}

function check(client: SessionsClient, sessionId: string): void {
  if (typeof client?.beta?.sessions?.events?.stream !== 'function') {
    throw new TypeError('fromSession: pass an SDK client, `new Anthropic()`');
  }
  if (typeof sessionId !== 'string' || sessionId === '') {
    throw new TypeError('fromSession: pass the id of a session, such as `session.id`');
  }
}
