// The real SDK client against a session on loopback whose connections break.
import Anthropic from '@anthropic-ai/sdk';
import { accumulateManagedAgentsEvent } from '@anthropic-ai/sdk/lib/sessions/accumulate';
import {
  fromSession,
  type FromSessionOptions,
  MessageStreamError,
  type RetryContext,
  type SessionEvent,
  Valve,
} from 'claude-rx';
import { NEVER, type Subscription, take } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiError, SessionServer } from '../../agent/SessionServer.ts';
import { failure, received, until } from '../../support/server.ts';

let server: SessionServer;
let client: Anthropic;
let subscription: Subscription | undefined;
beforeEach(async () => {
  server = await SessionServer.start();
  client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0, logLevel: 'off' });
});
afterEach(async () => {
  subscription?.unsubscribe();
  // A reader that left has released the connection.
  await until(() => server.open === 0);
  await server.close();
});

const at = '2026-11-25T12:00:00Z';
const said = (number: number) => ({
  id: `sevt_${number}`,
  type: 'agent.message',
  content: [{ type: 'text', text: `message ${number}` }],
  processed_at: at,
});
const start = (number: number) => ({
  type: 'event_start',
  event: { id: `sevt_${number}`, type: 'agent.message' },
});
const delta = (number: number, text: string, index = 0) => ({
  type: 'event_delta',
  event_id: `sevt_${number}`,
  delta: { type: 'content_delta', index, content: { type: 'text', text } },
});
const terminated = { id: 'sevt_end', type: 'session.status_terminated', processed_at: at };
const idle = { id: 'sevt_idle', type: 'session.status_idle', stop_reason: null, processed_at: at };

const session = (options: FromSessionOptions = {}) =>
  fromSession(client, 'sesn_1', { delay: 1, ...options });

/** Subscribes, and gives what comes. */
function follow(options: FromSessionOptions = {}) {
  const state = { seen: [] as SessionEvent[], isOver: false, error: undefined as unknown };
  subscription = session(options).subscribe({
    next: (event) => state.seen.push(event),
    error: (error) => (state.error = error),
    complete: () => (state.isOver = true),
  });
  return state;
}
const idsOf = (events: readonly SessionEvent[]) => events.map((event) => 'id' in event && event.id);

describe('fromSession', () => {
  it('gives the history, then what comes, and completes when the session is terminated', async () => {
    server.emit(said(1), said(2), said(3));
    const state = follow();
    await until(() => state.seen.length === 3 && server.open === 1);
    server.emit(said(4), idle, terminated, said(5));
    await until(() => state.isOver);
    expect(state.seen).toEqual([said(1), said(2), said(3), said(4), idle, terminated]);
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/v1/sessions/sesn_1/events/stream',
      '/v1/sessions/sesn_1/events',
      '/v1/sessions/sesn_1/events',
    ]);
    expect(server.requests[0]?.headers['anthropic-beta']).toContain('managed-agents');
  });

  it('completes after the history of a session that is over', async () => {
    server.emit(said(1), terminated, said(2));
    expect(await received(session())).toEqual([said(1), terminated, said(2)]);
    expect(await received(session({ history: false }))).toEqual([]);
  });

  it('gives an event once that happens while the history is read', async () => {
    server.emit(said(1), said(2), said(3));
    // The second page has it, and so has the stream.
    server.onList = (count) => (count === 2 ? server.emit(said(4)) : undefined);
    const state = follow();
    await until(() => state.seen.length === 4);
    server.emit(said(5), terminated);
    await until(() => state.isOver);
    expect(state.seen).toEqual([said(1), said(2), said(3), said(4), said(5), terminated]);
  });

  it('leaves the history out on request, and nothing that happens meanwhile', async () => {
    server.emit(said(1), said(2), said(3));
    server.onList = (count) => void (count > 1 && count < 5 && server.emit(said(10 + count)));
    const state = follow({ history: false });
    await until(() => server.open === 1);
    server.onOpen = () => server.emit(said(21));
    server.drop('rst');
    await until(() => server.open === 1);
    server.emit(said(22), terminated);
    await until(() => state.isOver);
    // The one that came while the history was read belongs to it.
    const ids = idsOf(state.seen);
    expect(ids).not.toContain('sevt_1');
    expect(ids.slice(-3)).toEqual(['sevt_21', 'sevt_22', 'sevt_end']);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(['end', 'rst'] as const)(
    'loses and doubles nothing where the connection has an %s before each event',
    async (how) => {
      const count = 12;
      for (let before = 0; before <= count; before++) {
        server.history.length = 0;
        server.emit(said(0));
        const state = follow();
        await until(() => state.seen.length === 1 && server.open === 1);
        for (let number = 1; number <= count; number++) {
          if (number === before + 1) server.drop(how);
          server.emit(said(number));
          if (number % 3 === 0) await until(() => state.seen.length > number);
        }
        server.emit(terminated);
        await until(() => state.isOver);
        expect(idsOf(state.seen)).toEqual([
          ...Array.from({ length: count + 1 }, (_, number) => `sevt_${number}`),
          'sevt_end',
        ]);
      }
    },
  );

  it.each(['end', 'rst'] as const)(
    'loses and doubles nothing where every connection has an %s after one event',
    async (how) => {
      const count = 25;
      let number = 0;
      server.onOpen = () => {
        server.emit(said(number++));
        // Another happens while nobody is connected.
        setTimeout(() => {
          server.drop(how);
          server.emit(number > count ? terminated : said(number++));
        }, 3);
      };
      const state = follow();
      await until(() => state.isOver);
      const ids = idsOf(state.seen);
      expect(ids.slice(0, -1)).toEqual(
        Array.from({ length: number }, (_, index) => `sevt_${index}`),
      );
      expect(server.requests.filter(({ path }) => path.endsWith('stream')).length).toBeGreaterThan(
        10,
      );
    },
  );

  it('loses nothing where the connection breaks while the history is read', async () => {
    server.emit(said(1), said(2), said(3), said(4));
    server.onList = (count) => {
      if (count === 2) server.drop('rst');
      if (count === 2) server.emit(said(5));
      if (count === 3) server.failures.push((response) => response.socket?.destroy());
    };
    const state = follow();
    await until(() => state.seen.length === 5 && server.open > 0);
    server.emit(terminated);
    await until(() => state.isOver);
    expect(idsOf(state.seen)).toEqual([
      'sevt_1',
      'sevt_2',
      'sevt_3',
      'sevt_4',
      'sevt_5',
      'sevt_end',
    ]);
  });

  it('follows a thread by its own endpoints', async () => {
    const last = { id: 'sevt_9', type: 'session.thread_status_terminated', processed_at: at };
    server.emit(said(1), last);
    expect(await received(session({ thread: 'sthr_1' }))).toEqual([said(1), last]);
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/v1/sessions/sesn_1/threads/sthr_1/stream',
      '/v1/sessions/sesn_1/threads/sthr_1/events',
    ]);
  });

  it('refuses what is not valid, when it is called', () => {
    expect(() => fromSession({} as never, 'sesn_1')).toThrow(/SDK client/);
    expect(() => fromSession(client, '')).toThrow(TypeError);
    expect(() => fromSession(client, 'sesn_1', { count: -1 })).toThrow(TypeError);
    expect(() => fromSession(client, 'sesn_1', { delay: Number.NaN })).toThrow(TypeError);
  });
});

describe('fromSession with previews', () => {
  it('gives them ahead of their event', async () => {
    server.emit(said(0));
    const state = follow({ previews: ['agent.message'] });
    await until(() => state.seen.length === 1);
    const previews = [start(1), delta(1, 'mess'), delta(1, 'age 1')];
    server.emit(...previews, said(1), terminated);
    await until(() => state.isOver);
    expect(state.seen).toEqual([said(0), ...previews, said(1), terminated]);
    expect(server.requests[0]?.query.toString()).toContain('agent.message');
  });

  it('leaves out those of an event that has come, and deltas without their start', async () => {
    server.emit(said(1));
    let go = () => {};
    const waiting = new Promise<void>((resolve) => (go = resolve));
    // On the stream they come after the open, and so after the history that has their event.
    server.onOpen = () => {
      server.emit(start(1), delta(1, 'x'), delta(7, 'y'));
      go();
    };
    server.onList = () => waiting;
    const state = follow({ previews: ['agent.message', 'agent.thinking'] });
    await until(() => state.seen.length === 1);
    server.emit(start(2), delta(2, 'z'), said(2), delta(2, 'late'), terminated);
    await until(() => state.isOver);
    expect(state.seen).toEqual([said(1), start(2), delta(2, 'z'), said(2), terminated]);
  });

  it.each(['end', 'rst'] as const)(
    "can be accumulated by the SDK's own helper though the connection has an %s anywhere",
    async (how) => {
      const script = [
        start(1),
        ...['one ', 'two '].map((text) => delta(1, text)),
        ...['three ', 'four'].map((text) => delta(1, text, 1)),
        said(1),
        start(2),
        delta(2, 'message'),
        delta(2, ' 2'),
        said(2),
        terminated,
      ];
      for (let before = 0; before < script.length; before++) {
        server.history.length = 0;
        server.emit(said(0));
        const state = follow({ previews: ['agent.message'] });
        await until(() => state.seen.length === 1);
        for (const [index, event] of script.entries()) {
          if (index === before) {
            await until(() => state.seen.length === 1 + index);
            server.drop(how);
            // It happens meanwhile: who has it has connected again.
            server.emit(idle);
            await until(() => state.seen.at(-1)?.type === 'session.status_idle');
          }
          server.emit(event);
        }
        await until(() => state.isOver);
        // Nothing goes on with a gap: a delta has its start on the same connection.
        const since = state.seen.slice(state.seen.findIndex(({ type }) => type === idle.type));
        const started = since.map((event) => event.type === 'event_start' && event.event.id);
        const deltas = since.flatMap((event) => ('event_id' in event ? [event.event_id] : []));
        expect(started).toEqual(expect.arrayContaining(deltas));

        const messages = new Map<string, unknown>();
        let message: ReturnType<typeof accumulateManagedAgentsEvent>;
        for (const event of state.seen) {
          message = accumulateManagedAgentsEvent(message, event);
          if (message) messages.set(message.id, message);
        }
        expect([...messages.values()]).toEqual([said(0), said(1), said(2)]);
      }
    },
  );
});

describe('fromSession when it fails', () => {
  it.each([
    [404, 'not_found_error'],
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [403, 'permission_error'],
  ])('ends with a typed error at HTTP %i', async (status, type) => {
    server.failures.push(apiError(status, type));
    const error = await failure(session());
    expect(error).toMatchObject({ code: 'request', retryable: false, status, errorType: type });
    expect(server.requests).toHaveLength(1);
  });

  it('ends with a typed error where it is the history that is refused', async () => {
    server.onOpen = () => server.failures.push(apiError(403, 'permission_error'));
    expect(await failure(session())).toMatchObject({ code: 'request', status: 403 });
  });

  it.each([
    ['HTTP 409', apiError(409, 'conflict_error')],
    ['HTTP 429', apiError(429, 'rate_limit_error')],
    ['HTTP 500', apiError(500, 'api_error')],
    ['HTTP 529', apiError(529, 'overloaded_error')],
    [
      'a reset',
      (response: { socket: { resetAndDestroy(): unknown } | null }) =>
        response.socket?.resetAndDestroy(),
    ],
  ])('connects again after %s', async (_, fail) => {
    server.emit(said(1), terminated);
    server.failures.push(fail as never, fail as never);
    const log: RetryContext[] = [];
    const events = await received(session({ onReconnect: (context) => log.push(context) }));
    expect(events).toEqual([said(1), terminated]);
    expect(log.map(({ attempt, delay, partial }) => [attempt, delay, partial])).toEqual([
      [2, 1, undefined],
      [3, 1, undefined],
    ]);
    expect(log[0]?.error).toBeInstanceOf(MessageStreamError);
  });

  it('waits as long as the server asks, and else longer each time, until something new comes', async () => {
    server.emit(said(1));
    server.failures.push(
      apiError(500, 'api_error'),
      apiError(429, 'rate_limit_error', { 'retry-after-ms': '7' }),
      apiError(500, 'api_error'),
    );
    const waits: number[] = [];
    const state = follow({
      delay: (_, retry) => retry * 2,
      onReconnect: ({ delay }) => waits.push(delay),
    });
    await until(() => state.seen.length === 1 && server.open === 1);
    expect(waits).toEqual([2, 7, 6]);
    server.drop('end');
    await until(() => waits.length === 4 && server.open === 1);
    expect(waits).toEqual([2, 7, 6, 2]);
  });

  it('gives up after so many times without anything new, with the last error', async () => {
    server.onOpen = () => server.drop('end');
    const error = await failure(session({ count: 3 }));
    expect(error).toMatchObject({ code: 'truncated', retryable: true });
    expect(server.requests.filter(({ path }) => path.endsWith('stream'))).toHaveLength(4);
  });

  it('connects again after an error event, and after a frame that is garbage', async () => {
    const state = follow();
    await until(() => server.open === 1);
    server.send(
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
    );
    await until(() => server.requests.length === 4 && server.open === 1);
    server.send('event: agent.message\ndata: {"id":\n\n');
    await until(() => server.requests.length === 6 && server.open === 1);
    server.emit(said(1), terminated);
    await until(() => state.isOver);
    expect(state.seen).toEqual([said(1), terminated]);
  });
});

describe('fromSession when it is left', () => {
  it('lets the connection go at once', async () => {
    const state = follow();
    await until(() => server.open === 1 && server.requests.length === 2);
    server.emit(said(1));
    await until(() => state.seen.length === 1);
    subscription!.unsubscribe();
    await until(() => server.open === 0);
    expect(server.requests).toHaveLength(2);
  });

  it('lets it go while the history is read, and while it waits', async () => {
    server.onList = () => new Promise(() => {});
    follow();
    await until(() => server.open === 1 && server.requests.length === 2);
    subscription!.unsubscribe();
    await until(() => server.open === 0);
    server.failures.push(apiError(500, 'api_error'));
    let isWaiting = false;
    follow({ delay: 60_000, onReconnect: () => (isWaiting = true) });
    await until(() => isWaiting);
    subscription!.unsubscribe();
  });

  it('lets it go at the event at which it was left', async () => {
    server.emit(said(1), said(2), said(3));
    expect(await received(session().pipe(take(2)))).toEqual([said(1), said(2)]);
  });

  it('ends with the reason of a signal', async () => {
    const stopping = new AbortController();
    const failed = failure(session({ signal: stopping.signal }));
    await until(() => server.open === 1);
    stopping.abort(new Error('Stop was pressed'));
    expect(await failed).toMatchObject({
      code: 'aborted',
      message: expect.stringContaining('Stop was pressed'),
    });
  });

  it('reads no further than a valve lets it', async () => {
    server.page = 1_000;
    server.emit(...Array.from({ length: 50 }, (_, number) => said(number)));
    const valve = new Valve({ highWaterMark: 5 });
    const seen: SessionEvent[] = [];
    subscription = session({ valve })
      .pipe(valve.concatMap((event) => (seen.push(event), NEVER)))
      .subscribe();
    await until(() => !valve.isOpen);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(valve.depth).toBe(5);
    expect(seen).toHaveLength(1);
    subscription.unsubscribe();
    expect(valve.depth).toBe(0);
  });
});
