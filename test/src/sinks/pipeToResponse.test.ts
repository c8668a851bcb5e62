import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ServerResponse } from 'node:http';
import {
  fromMessages,
  fromResponse,
  MessageStreamError,
  type NodeResponse,
  pipeToResponse,
  type StreamEvent,
  Valve,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import {
  concat,
  finalize,
  from,
  NEVER,
  type Observable,
  of,
  Subject,
  type Subscription,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { failure, params, received, until, useServer } from '../../support/server.ts';
import { useHttpServers } from '../../support/httpServers.ts';

const hello = [...messageEvents.text('Hello wide world', { chunk: 4 })];
const connection = new MessageStreamError('The connection was lost', { code: 'connection' });

/** A response whose client reads when it is told to. */
class SlowResponse extends EventEmitter implements NodeResponse {
  headersSent = false;
  destroyed = false;
  writableEnded = false;
  head: unknown;
  readonly written: string[] = [];
  isFull = false;

  writeHead(...head: unknown[]): this {
    this.headersSent = true;
    this.head = head;
    return this;
  }

  write(text: string): boolean {
    if (this.writableEnded || this.destroyed) throw new Error('write after end');
    this.written.push(text);
    return !this.isFull;
  }

  end(): this {
    if (this.writableEnded) throw new Error('end after end');
    this.writableEnded = true;
    return this;
  }

  /** How many events have been written. */
  get count(): number {
    return this.written.join('').match(/^id: /gm)?.length ?? 0;
  }
}

/** What is written to a socket from now on, one string for each call of the system. */
function writesOf(socket: Socket): string[] {
  const writes: string[] = [];
  const { _write, _writev } = socket;
  socket._write = function (chunk, encoding, done) {
    writes.push(String(chunk));
    _write.call(this, chunk, encoding, done);
  };
  socket._writev = function (chunks, done) {
    writes.push(chunks.map(({ chunk }) => String(chunk)).join(''));
    _writev!.call(this, chunks, done);
  };
  return writes;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('pipeToResponse', () => {
  it('sends the headers of an event stream at once', () => {
    const response = new SlowResponse();
    pipeToResponse(NEVER, response, { heartbeat: Infinity }).unsubscribe();
    expect(response.head).toEqual([
      200,
      {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      },
    ]);
  });

  it('takes a status and additional headers, and keeps headers that were sent', () => {
    const response = new SlowResponse();
    const headers = { 'Cache-Control': 'no-store', 'set-cookie': ['a=1', 'b=2'] };
    pipeToResponse(NEVER, response, { status: 201, headers }).unsubscribe();
    expect(response.head).toMatchObject([
      201,
      { 'cache-control': 'no-store', 'set-cookie': ['a=1', 'b=2'] },
    ]);
    const sent = new SlowResponse();
    sent.headersSent = true;
    pipeToResponse(NEVER, sent).unsubscribe();
    expect(sent.head).toBeUndefined();
  });

  it('writes synchronous events at once, and ends the response', async () => {
    const response = new SlowResponse();
    const subscription = pipeToResponse(from(hello), response);
    await until(() => response.writableEnded);
    expect([response.written.length, response.count]).toEqual([1, hello.length]);
    expect(subscription.closed).toBe(true);
  });

  it('writes nothing until a full response has drained', async () => {
    const response = new SlowResponse();
    const source = new Subject<StreamEvent>();
    response.isFull = true;
    pipeToResponse(source, response, { heartbeat: Infinity });
    for (const event of hello.slice(0, 4)) {
      source.next(event);
      await turn();
    }
    expect(response.count).toBe(1);
    response.isFull = false;
    response.emit('drain');
    await turn();
    expect(response.count).toBe(4);
    response.isFull = true;
    source.next(hello[4]!);
    await turn();
    for (const event of hello.slice(5)) source.next(event);
    source.complete();
    await turn();
    expect([response.count, response.writableEnded]).toEqual([5, false]);
    response.isFull = false;
    response.emit('drain');
    await until(() => response.writableEnded);
    expect(response.count).toBe(hello.length);
    expect(response.listenerCount('drain')).toBe(0);
  });

  it('pauses the source until the response has drained, with a valve', async () => {
    const valve = new Valve({ highWaterMark: 3, lowWaterMark: 1 });
    const response = new SlowResponse();
    const source = new Subject<StreamEvent>();
    response.isFull = true;
    const subscription = pipeToResponse(source, response, { valve, heartbeat: Infinity });
    for (const event of hello.slice(0, 3)) source.next(event);
    await turn();
    expect([response.count, valve.depth, valve.isOpen]).toEqual([3, 3, false]);
    response.emit('drain');
    await turn();
    expect([valve.depth, valve.isOpen]).toEqual([0, true]);
    for (const event of hello.slice(3, 7)) source.next(event);
    expect(valve.isOpen).toBe(false);
    subscription.unsubscribe();
    expect([valve.depth, valve.isOpen, source.observed]).toEqual([0, true, false]);
  });

  it('counts a long frame as several values of the valve', async () => {
    const valve = new Valve();
    const response = new SlowResponse();
    const source = new Subject<StreamEvent>();
    const long = { type: 'tick', text: 'x'.repeat(400_000) } as unknown as StreamEvent;
    response.isFull = true;
    pipeToResponse(source, response, { valve, heartbeat: Infinity });
    for (let count = 0; count < 3; count++) source.next(long);
    expect([valve.depth, valve.isOpen]).toEqual([75, false]);
    await turn();
    response.isFull = false;
    response.emit('drain');
    await turn();
    expect([valve.depth, valve.isOpen]).toEqual([0, true]);
    source.complete();
    await until(() => response.writableEnded);
  });

  it.each(['close', 'error'])(
    'unsubscribes at once on %s, and writes nothing more',
    async (what) => {
      const response = new SlowResponse();
      const source = new Subject<StreamEvent>();
      const subscription = pipeToResponse(source, response);
      source.next(hello[0]!);
      await turn();
      source.next(hello[1]!);
      response.destroyed = true;
      response.emit(what, new Error('EPIPE'));
      expect([source.observed, subscription.closed]).toEqual([false, true]);
      // The second of two errors has a listener, too.
      response.emit('error', new Error('EPIPE'));
      await turn();
      expect([response.count, response.writableEnded]).toEqual([1, false]);
    },
  );

  it('does not subscribe if the client has already disconnected', () => {
    for (const gone of ['destroyed', 'writableEnded'] as const) {
      const response = new SlowResponse();
      response[gone] = true;
      const source = new Subject<StreamEvent>();
      expect(pipeToResponse(source, response).closed).toBe(true);
      expect([source.observed, response.head]).toEqual([false, undefined]);
      response.emit('error', new Error('EPIPE'));
    }
  });

  it('ends the response on unsubscribe, without waiting frames', async () => {
    const response = new SlowResponse();
    const source = new Subject<StreamEvent>();
    const subscription = pipeToResponse(source, response);
    source.next(hello[0]!);
    subscription.unsubscribe();
    expect([response.writableEnded, source.observed]).toEqual([true, false]);
    await turn();
    expect(response.count).toBe(0);
  });

  it('sends the event `cut` on unsubscribe, but not when the client has disconnected', () => {
    const config = { id: false, eventLine: false, done: '[DONE]', cut: { type: 'cut' } };
    const response = new SlowResponse();
    pipeToResponse(NEVER, response, config).unsubscribe();
    expect(response.written).toEqual(['data: {"type":"cut"}\n\ndata: [DONE]\n\n']);
    const left = new SlowResponse();
    pipeToResponse(NEVER, left, config);
    left.emit('close');
    expect(left.written).toEqual([]);
  });

  it('does not send the event `cut` after a complete reply', async () => {
    const response = new SlowResponse();
    const subscription = pipeToResponse(of(hello[0]!), response, { cut: { type: 'cut' } });
    await until(() => response.writableEnded);
    subscription.unsubscribe();
    expect(response.written.join('')).not.toContain('cut');
  });

  it('sends an error as the last frame, also if it is the first', async () => {
    const response = new SlowResponse();
    pipeToResponse(
      throwError(() => connection),
      response,
    );
    await until(() => response.writableEnded);
    expect(response.written).toEqual([expect.stringMatching(/^event: error\ndata: {.*}\n\n$/)]);
  });

  it('throws for an invalid Observable or response, when called', () => {
    const response = new SlowResponse();
    expect(() => pipeToResponse(hello as never, response)).toThrow(/pass an Observable/);
    expect(() => pipeToResponse(NEVER, new Response() as never)).toThrow(/pass a response of node/);
    expect(() => pipeToResponse(NEVER, response, { heartbeat: -1 })).toThrow(TypeError);
    expect(response.headersSent).toBe(false);
  });
});

describe('pipeToResponse over HTTP', () => {
  const context = useServer();
  const relay = useHttpServers();

  it('sends the same events to fromResponse', async () => {
    context.server.reply(hello);
    const { url } = await relay((_, response) =>
      pipeToResponse(fromMessages(context.client, params), response),
    );
    expect(await received(fromResponse(() => fetch(url)))).toEqual(hello);
  });

  it('sends the same error to fromResponse', async () => {
    context.server.reply({
      status: 429,
      headers: { 'retry-after': '7' },
      body: { type: 'error', error: { type: 'rate_limit_error', message: 'Slow' } },
    });
    const { url } = await relay((_, response) =>
      pipeToResponse(fromMessages(context.client, params), response),
    );
    const { code, status, retryAfterMs, requestId, errorType, retryable, partial } = await failure(
      fromResponse(() => fetch(url)),
    );
    expect({ code, status, retryAfterMs, requestId, errorType, retryable, partial }).toEqual({
      code: 'rate_limited',
      status: 429,
      retryAfterMs: 7_000,
      requestId: 'req_1',
      errorType: 'rate_limit_error',
      retryable: true,
      partial: undefined,
    });
  });

  it('writes to each socket once in a turn of the event loop', async () => {
    const source = new Subject<StreamEvent>();
    const writes: string[][] = [];
    const { url } = await relay((request, response) => {
      writes.push(writesOf(request.socket));
      pipeToResponse(source, response, { heartbeat: Infinity });
    });
    const texts = [1, 2].map(async () => (await fetch(url)).text());
    await until(() => writes.length === 2);
    await turn();
    for (const list of writes) list.length = 0;

    for (const event of hello.slice(0, 3)) source.next(event);
    // A second chunk in the same turn.
    await Promise.resolve();
    for (const event of hello.slice(3, 5)) source.next(event);
    await turn();
    expect(writes).toEqual([[expect.any(String)], [expect.any(String)]]);
    for (const [written] of writes) expect(written!.match(/^id: /gm)).toHaveLength(5);

    for (const event of hello.slice(5)) source.next(event);
    source.complete();
    for (const text of await Promise.all(texts)) {
      expect(text.match(/^id: /gm)).toHaveLength(hello.length);
    }
    expect(writes.map((list) => list.length)).toEqual([2, 2]);
  });

  it('aborts the request when the connection of the client is killed', async () => {
    context.server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    let subscription: Subscription | undefined;
    const { url } = await relay((_, response) => {
      subscription = pipeToResponse(fromMessages(context.client, params), response);
    });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nhost: relay\r\n\r\n');
    let text = '';
    socket.on('data', (data) => (text += String(data)));
    await until(() => text.includes('id: 3'));
    const killedAt = performance.now();
    socket.resetAndDestroy();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
    console.log(
      `aborted ${Math.round(performance.now() - killedAt)} ms after the client was killed`,
    );
    expect(subscription?.closed).toBe(true);
  });

  it('aborts the request of a client that stops reading, then disconnects', async () => {
    const valve = new Valve({ highWaterMark: 16 });
    const long = messageEvents.text('x'.repeat(32 << 20), { chunk: 1 << 16 });
    context.server.reply(long);
    let response: ServerResponse | undefined;
    const { url } = await relay((_, to) => {
      response = to;
      pipeToResponse(fromMessages(context.client, params, { valve }), to, { valve });
    });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: relay\r\n\r\n');
    await until(() => !valve.isOpen && response!.writableNeedDrain);
    socket.resetAndDestroy();
    expect(await context.server.requests[0]!.finished).toBe('client-left');
    expect([valve.depth, valve.isOpen]).toEqual([0, true]);
    expect(context.server.requests[0]!.bytesSent).toBeLessThan(24 << 20);
  });

  it('lets a client read slowly without losing an event', async () => {
    const valve = new Valve({ highWaterMark: 8 });
    const long = [...messageEvents.text('0123456789abcdef'.repeat(1 << 16), { chunk: 1 << 12 })];
    context.server.reply(long);
    const { url } = await relay((_, response) => {
      pipeToResponse(fromMessages(context.client, params, { valve }), response, { valve });
    });
    const slow = new Valve({ highWaterMark: 4 });
    const reply$: Observable<StreamEvent> = fromResponse(() => fetch(url), { valve: slow });
    const seen = await received(reply$.pipe(slow.concatMap((event) => turn().then(() => event))));
    expect(seen).toEqual(long);
    expect(valve.depth).toBe(0);
  });

  it('is an error for the reader when the server stops the reply', async () => {
    let isLeft = false;
    const source = concat(of(hello[0]!), NEVER).pipe(finalize(() => (isLeft = true)));
    let subscription: Subscription | undefined;
    const { url } = await relay((_, response) => {
      subscription = pipeToResponse(source, response);
    });
    const result = failure(fromResponse(() => fetch(url)));
    await until(() => subscription !== undefined);
    await turn();
    subscription!.unsubscribe();
    expect(await result).toMatchObject({ code: 'truncated' });
    expect(isLeft).toBe(true);
  });
});
