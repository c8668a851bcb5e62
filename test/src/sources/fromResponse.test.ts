import { fromResponse, type StreamEvent } from 'claude-rx';
import { httpError, messageEvents } from 'claude-rx/testing';
import { take, tap } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { failure, params, received, sse, until, useServer } from '../../support/server.ts';

const events = [...messageEvents.text('Hello wide world', { chunk: 4 })];
const context = useServer();

const request = (signal?: AbortSignal): Promise<Response> =>
  fetch(`${context.server.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...params, stream: true }),
    signal: signal ?? null,
  });

describe('fromResponse', () => {
  it('gives the events of a response', async () => {
    context.server.reply(events);
    expect(await received(fromResponse(await request()))).toEqual(events);
  });

  it('gives the events of a promised response', async () => {
    context.server.reply(events);
    expect(await received(fromResponse(request()))).toEqual(events);
  });

  it('makes a request for each subscription when given a function', async () => {
    context.server.reply(events).reply(events);
    const reply = fromResponse(request);
    expect(context.server.requests).toHaveLength(0);
    expect(await received(reply)).toEqual(events);
    expect(await received(reply)).toEqual(events);
    expect(context.server.requests).toHaveLength(2);
  });

  it('says how to subscribe twice when a response has been read', async () => {
    context.server.reply(events);
    const reply = fromResponse(await request());
    await received(reply);
    expect(await failure(reply)).toMatchObject({
      code: 'request',
      message: expect.stringContaining('pass a function'),
    });
  });

  it('refuses one that somebody has begun to read, also from a function', async () => {
    const response = new Response(sse(events));
    const reader = response.body!.getReader();
    await reader.read();
    reader.releaseLock();
    for (const input of [response, () => response]) {
      expect(await failure(fromResponse(input))).toMatchObject({ code: 'request' });
    }
  });

  it('cancels the body of a response that does not end after its message_stop', async () => {
    const cancelled = vi.fn<() => void>();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(sse(events))),
      cancel: cancelled,
    });
    expect(await received(fromResponse(new Response(body)))).toEqual(events);
    expect(cancelled).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalledOnce());
  });

  it('refuses what is no response, when it is called', () => {
    expect(() => fromResponse(undefined as never)).toThrow(TypeError);
    expect(() => fromResponse('https://example.invalid' as never)).toThrow(/pass a Response/);
  });

  it('reports what the function throws, or its promise', async () => {
    const mine = new TypeError('my mistake');
    const thrown = fromResponse(() => {
      throw mine;
    });
    const rejected = fromResponse(() => Promise.reject(mine));
    for (const reply of [thrown, rejected]) {
      expect(await failure(reply)).toMatchObject({
        code: 'unknown',
        retryable: false,
        cause: mine,
      });
    }
  });

  it('reports a server that is not there as a lost connection', async () => {
    const reply = fromResponse(() => fetch('http://127.0.0.1:9/'));
    expect(await failure(reply)).toMatchObject({ code: 'connection', retryable: true });
  });

  it('reports an HTTP error with its status, kind and time to wait', async () => {
    const { server } = context;
    server.reply(httpError(429, { type: 'rate_limit_error', message: 'slow down', retryAfter: 2 }));
    expect(await failure(fromResponse(request))).toMatchObject({
      code: 'rate_limited',
      status: 429,
      errorType: 'rate_limit_error',
      retryAfterMs: 2_000,
      message: expect.stringContaining('slow down'),
      requestId: expect.stringMatching(/^req_/),
    });
  });

  it('reports an HTTP error whose body is a page', async () => {
    const headers = { 'content-type': 'text/html' };
    context.server.reply({ status: 502, body: '<h1>Bad gateway</h1>', headers });
    expect(await failure(fromResponse(request))).toMatchObject({
      code: 'api',
      status: 502,
      message: expect.stringContaining('Bad gateway'),
    });
  });

  it('reports a response without a body', async () => {
    const reply = fromResponse(new Response(null, { status: 200 }));
    expect(await failure(reply)).toMatchObject({ code: 'protocol' });
  });

  it.each(['application/json', 'application/x-ndjson', 'text/html', 'text/xml'])(
    'reads an event stream that says it is %s, however it is cut into chunks',
    async (type) => {
      const bytes = new TextEncoder().encode(`\n${sse(messageEvents.text('Hi'))}`);
      for (const size of [1, 4, bytes.length]) {
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            for (let at = 0; at < bytes.length; at += size) {
              controller.enqueue(bytes.slice(at, at + size));
            }
            controller.close();
          },
        });
        const reply = fromResponse(new Response(body, { headers: { 'content-type': type } }));
        expect(await received(reply)).toEqual([...messageEvents.text('Hi')]);
      }
    },
  );

  it('refuses a body of such a type that only contains an event stream', async () => {
    const headers = { 'content-type': 'text/html' };
    const reply = fromResponse(new Response('<p>data: {"type":"ping"}\n\n', { headers }));
    expect(await failure(reply)).toMatchObject({ code: 'protocol' });
  });

  it('accepts a response without a content type', async () => {
    const body = new TextEncoder().encode(sse(messageEvents.text('Hi')));
    expect(await received(fromResponse(new Response(body)))).toEqual([...messageEvents.text('Hi')]);
  });

  it('aborts the request when the subscriber leaves before the response', async () => {
    context.server.reply({ events, delay: 60_000 });
    const subscription = fromResponse(request).subscribe();
    await until(() => context.server.requests.length === 1);
    subscription.unsubscribe();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('cancels a promised response that comes after the subscriber has left', async () => {
    context.server.reply({ events, delay: 30, fault: { kind: 'stall', beforeEvent: 2 } });
    const promise = request();
    fromResponse(promise).subscribe().unsubscribe();
    await promise;
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('cancels the body when the subscriber leaves during a stall, without a signal too', async () => {
    context.server.reply({ events, fault: { kind: 'stall', beforeEvent: 4 } });
    const reply = fromResponse(request());
    const seen: StreamEvent[] = [];
    const subscription = reply.subscribe((event) => seen.push(event));
    await until(() => seen.length === 4);
    subscription.unsubscribe();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('stops inside a chunk at the next event', async () => {
    context.server.reply({ events, chunk: 'all' });
    expect(await received(fromResponse(request).pipe(take(3)))).toEqual(events.slice(0, 3));
  });

  it('gives all events of a chunk in one synchronous run', async () => {
    context.server.reply({ events, chunk: 'all' });
    const runs: number[] = [];
    let run = 0;
    await new Promise<void>((resolve) => {
      fromResponse(request).subscribe({
        next: () => {
          if (run++ === 0) queueMicrotask(() => (runs.push(run), (run = 0)));
        },
        complete: resolve,
      });
    });
    await Promise.resolve();
    expect(runs).toEqual([events.length]);
  });

  describe('when the server is far ahead', () => {
    /** A response of which all is there already. */
    const ahead = () => {
      const frames = [...messageEvents.text('x'.repeat(60), { chunk: 1 })].map((event) =>
        sse([event]),
      );
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            const frame = frames.shift();
            if (frame === undefined) controller.close();
            else controller.enqueue(new TextEncoder().encode(frame));
          },
        },
        { highWaterMark: 100 },
      );
      const headers = { 'content-type': 'text/event-stream' };
      return new Response(body, { headers });
    };
    /** Work for more than a run of chunks may take, however busy the machine is. */
    const work = () => {
      const began = Date.now();
      while (Date.now() - began < 9);
    };

    it('lets the event loop have its turns', async () => {
      let turns = 0;
      let turn = setImmediate(function count() {
        turns++;
        turn = setImmediate(count);
      });
      let count = 0;
      const reply = fromResponse(ahead()).pipe(
        tap(() => {
          count++;
          work();
        }),
      );
      await received(reply);
      clearImmediate(turn);
      expect(count).toBe(65);
      // One after each event but the last; the first few come before the counting begins.
      expect(turns).toBeGreaterThan(40);
    });

    it('takes a chunk of any size in parts, with turns between them', async () => {
      const text = 'wide '.repeat(100_000);
      const frames = sse(messageEvents.text(text, { chunk: 200 }));
      let turns = 0;
      let turn = setImmediate(function count() {
        turns++;
        turn = setImmediate(count);
      });
      const headers = { 'content-type': 'text/event-stream' };
      const runs = new Set<number>();
      const reply = fromResponse(new Response(new TextEncoder().encode(frames), { headers })).pipe(
        tap(() => {
          if (runs.has(turns)) return;
          runs.add(turns);
          work();
        }),
      );
      expect(await received(reply)).toEqual([...messageEvents.text(text, { chunk: 200 })]);
      clearImmediate(turn);
      // More than half a megabyte: nine parts and more.
      expect(runs.size).toBeGreaterThan(8);
    });

    it('reads no more once it is unsubscribed while it waits for its turn', async () => {
      const response = ahead();
      const seen: StreamEvent[] = [];
      const subscription = fromResponse(response).subscribe((event) => {
        seen.push(event);
        work();
      });
      await until(() => seen.length > 0);
      subscription.unsubscribe();
      const count = seen.length;
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(seen).toHaveLength(count);
    });
  });
});
