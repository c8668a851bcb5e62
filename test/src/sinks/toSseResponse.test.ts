import {
  fromMessages,
  fromResponse,
  MessageStreamError,
  type MessageStreamErrorCode,
  type StreamEvent,
  toSseResponse,
  Valve,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { requireMessageStop } from 'claude-rx/operators/requireMessageStop';
import fc from 'fast-check';
import { concat, finalize, from, NEVER, Observable, of, Subject, tap, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { messageStop, reply, resume } from '../../operators/events.ts';
import { failure, params, received, until, useServer } from '../../support/server.ts';
import { serve, useHttpServers } from '../../support/httpServers.ts';
import { rounds } from '../../support/rounds.ts';

const hello = [...messageEvents.text('Hello wide world', { chunk: 4 })];

/** What a reader sees: the events, and the error with all that it says, or none. */
async function seen(reply$: Observable<StreamEvent>): Promise<unknown> {
  const events: unknown[] = [];
  const error = await received(
    reply$.pipe(
      tap((event) =>
        events.push(event.type === 'resume' ? { ...event, error: event.error.toJSON() } : event),
      ),
    ),
  ).then(
    () => undefined,
    (reason: MessageStreamError) => ({ ...reason.toJSON(), partial: reason.partial }),
  );
  return { events, error };
}

const codes: MessageStreamErrorCode[] = [
  'truncated',
  'timeout',
  'connection',
  'overloaded',
  'rate_limited',
  'api',
  'request',
  'protocol',
  'invalid_json',
  'refusal',
  'aborted',
  'unknown',
];

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const anError = fc
  .record({
    message: fc.string({ unit: 'binary' }),
    code: fc.constantFrom(...codes),
    retryable: optional(fc.boolean()),
    requestId: optional(fc.string({ minLength: 1 })),
    retryAfterMs: optional(fc.nat()),
    status: optional(fc.integer({ min: 400, max: 599 })),
    // Others than the API's own are not sent on.
    errorType: optional(fc.constantFrom('api_error', 'overloaded_error', 'request_too_large')),
    attempts: optional(fc.integer({ min: 1 })),
  })
  .map(({ message, ...init }) => new MessageStreamError(message, init));

/** Any reply, with its end: as it is, cut at any place, or with an error there. */
/** Between services of one's own: nothing is masked. */
const everything = { errorText: ({ message }: MessageStreamError) => message };

const aReply = fc
  .record({
    events: reply,
    seam: fc.boolean(),
    cut: optional(fc.nat()),
    error: optional(anError),
  })
  .map(({ events, seam, cut, error }) => {
    const all = seam ? [...events.slice(0, 3), resume(0), ...events.slice(3)] : events;
    const stop = all.indexOf(messageStop);
    // One event at least: a body without any is no event stream.
    const whole = cut === undefined ? all : all.slice(0, 1 + (cut % all.length));
    // After message_stop nothing is an error any more.
    const failed = error && !(stop >= 0 && stop < whole.length);
    return concat(whole, failed ? throwError(() => error) : from([]));
  });

describe('toSseResponse', () => {
  it('is a response that proxies do not buffer', async () => {
    const response = toSseResponse(from(hello));
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    const body = await response.text();
    expect(body).toMatch(/^id: 0\nevent: message_start\ndata: {.*}\n\nid: 1\n/);
    expect(body.match(/^id: /gm)).toHaveLength(hello.length);
  });

  it('takes a status, additional headers, and the options of toSse', async () => {
    const response = toSseResponse(from(hello), {
      status: 201,
      headers: { 'Cache-Control': 'no-store', 'x-mine': '1' },
      id: (_, index) => `m1-${index}`,
    });
    expect(response.status).toBe(201);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-mine')).toBe('1');
    expect(await response.text()).toMatch(/^id: m1-0\n/);
  });

  it('sends the same events and ending to fromResponse, for any reply', async () => {
    await fc.assert(
      fc.asyncProperty(aReply, async (source) => {
        // What any reader adds: the end before message_stop is an error, and it has what came.
        const expected = await seen(source.pipe(requireMessageStop()));
        expect(await seen(fromResponse(toSseResponse(source, everything)))).toStrictEqual(expected);
      }),
      { numRuns: rounds(300) },
    );
  });

  it('subscribes when the body is first read, and not before', async () => {
    let subscriptions = 0;
    const source = new Observable<StreamEvent>((subscriber) => {
      subscriptions++;
      return from(hello).subscribe(subscriber);
    });
    const response = toSseResponse(source);
    await new Promise((resolve) => setImmediate(resolve));
    expect(subscriptions).toBe(0);
    await response.text();
    expect(subscriptions).toBe(1);
    const unread = toSseResponse(source);
    await unread.body!.cancel();
    expect(subscriptions).toBe(1);
  });

  it('sends synchronous events as one chunk, and resolves reads that are made ahead', async () => {
    const source = new Subject<StreamEvent>();
    const reader = toSseResponse(source, { heartbeat: Infinity }).body!.getReader();
    const reads = [reader.read(), reader.read(), reader.read()];
    await until(() => source.observed);
    const sizes: number[] = [];
    for (const events of [hello.slice(0, 3), hello.slice(3)]) {
      for (const event of events) source.next(event);
      const { value } = await reads.shift()!;
      sizes.push(new TextDecoder().decode(value).match(/^id: /gm)!.length);
    }
    source.complete();
    expect(sizes).toEqual([3, hello.length - 3]);
    expect(await reads.shift()).toMatchObject({ done: true });
  });

  it('unsubscribes at once when the body is cancelled, during a read as well', async () => {
    for (const isReading of [false, true]) {
      let isLeft = false;
      const source = concat(of(hello[0]!), NEVER).pipe(finalize(() => (isLeft = true)));
      const reader = toSseResponse(source).body!.getReader();
      await reader.read();
      const pending = isReading ? reader.read() : undefined;
      const cancelled = reader.cancel();
      expect(isLeft).toBe(true);
      await cancelled;
      if (pending) expect(await pending).toEqual({ done: true, value: undefined });
    }
  });

  it('pauses the source while nobody reads, with a valve', async () => {
    const valve = new Valve({ highWaterMark: 4, lowWaterMark: 1 });
    const source = new Subject<StreamEvent>();
    const reader = toSseResponse(source, { valve, heartbeat: Infinity }).body!.getReader();
    const first = reader.read();
    await until(() => source.observed);
    source.next(hello[0]!);
    await first;
    for (const event of hello.slice(1, 5)) source.next(event);
    expect([valve.depth, valve.isOpen]).toEqual([5, false]);
    const { value } = await reader.read();
    // Those that are being read are still counted.
    expect(new TextDecoder().decode(value).match(/^id: /gm)).toHaveLength(4);
    expect([valve.depth, valve.isOpen]).toEqual([4, false]);
    const pending = reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect([valve.depth, valve.isOpen]).toEqual([0, true]);
    source.next(hello[5]!);
    await pending;
    await reader.cancel();
    expect([valve.depth, source.observed]).toEqual([0, false]);
  });

  it('throws for an invalid Observable or option, when called', () => {
    expect(() => toSseResponse(hello as never)).toThrow(/toSseResponse: pass an Observable/);
    expect(() => toSseResponse(from(hello), { heartbeat: 0 })).toThrow(TypeError);
    expect(() => toSseResponse(from(hello), { valve: {} as never })).toThrow(/must be a Valve/);
  });
});

describe('toSseResponse over HTTP', () => {
  const context = useServer();
  const relay = useHttpServers();

  it('relays a reply, and its error, to a browser', async () => {
    context.server.reply(hello);
    context.server.reply({
      events: hello,
      fault: {
        kind: 'error',
        beforeEvent: 4,
        error: { type: 'overloaded_error', message: 'Overloaded' },
      },
    });
    const { url } = await relay((_, response) =>
      serve(toSseResponse(fromMessages(context.client, params)), response),
    );
    expect(await received(fromResponse(() => fetch(url)))).toEqual(hello);
    const error = await failure(fromResponse(() => fetch(url)));
    const { code, errorType, requestId, partial } = error;
    expect({ code, errorType, requestId }).toEqual({
      code: 'overloaded',
      errorType: 'overloaded_error',
      requestId: 'req_2',
    });
    expect(partial?.content).toMatchObject([{ type: 'text', text: 'Hello wi' }]);
  });

  it('aborts the request when the browser disconnects', async () => {
    context.server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    const { url } = await relay((_, response) =>
      serve(toSseResponse(fromMessages(context.client, params)), response),
    );
    const events: StreamEvent[] = [];
    const subscription = fromResponse((signal) => fetch(url, { signal })).subscribe((event) =>
      events.push(event),
    );
    await until(() => events.length === 4);
    subscription.unsubscribe();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });
});
