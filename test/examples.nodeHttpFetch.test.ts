import Anthropic from '@anthropic-ai/sdk';
import { fromMessages, type MessageStreamError } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { lastValueFrom, take, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeHttpFetch } from '../examples/nodeHttpFetch.ts';
import { params, useServer } from './support/server.ts';

const context = useServer();
const hello = messageEvents.text('Hello world, this is a reply', { chunk: 4 });

let agent: Agent;
beforeEach(() => {
  agent = new Agent({ keepAlive: true });
});
afterEach(() => agent.destroy());

const clientBy = (by: Agent): Anthropic =>
  new Anthropic({
    apiKey: 'test',
    baseURL: context.server.url,
    maxRetries: 0,
    fetch: nodeHttpFetch({ http: by }),
  });

const failed = (by: Agent, options = {}): Promise<MessageStreamError> =>
  lastValueFrom(fromMessages(clientBy(by), params, options)).then(
    () => expect.unreachable(),
    (error) => error,
  );

describe('nodeHttpFetch', () => {
  it('brings the reply, and uses the connection again', async () => {
    context.server.reply(hello, hello);
    for (const count of [1, 2]) {
      const events = await lastValueFrom(fromMessages(clientBy(agent), params).pipe(toArray()));
      expect(events).toEqual([...hello.numbered(count)]);
      await vi.waitFor(() => expect(Object.values(agent.freeSockets).length).toBe(1));
    }
    expect(context.server.socketsOpened).toBe(1);
  });

  it('closes the connection when the subscriber leaves, in the middle of the reply', async () => {
    context.server.reply({ events: hello, pace: 20 });
    await lastValueFrom(fromMessages(clientBy(agent), params).pipe(take(4)));
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });

  it('aborts the request before its headers, and during a stall', async () => {
    context.server.reply({ events: hello, delay: 60_000 });
    const before = await failed(agent, { signal: AbortSignal.timeout(50) });
    expect(before.code).toBe('aborted');
    context.server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    const during = await failed(agent, { signal: AbortSignal.timeout(100) });
    expect(during).toMatchObject({ code: 'aborted', partial: { content: [{ text: 'Hello wo' }] } });
    expect(await context.server.requests[1]!.finished).toBe('client-left');
  });

  it('reports a lost connection, with what had arrived', async () => {
    context.server.reply({ events: hello, fault: { kind: 'rst', beforeEvent: 4 } });
    expect(await failed(agent)).toMatchObject({
      code: 'connection',
      retryable: true,
      partial: { content: [{ text: 'Hello wo' }] },
    });
  });

  it('hands over status and headers', async () => {
    context.server.reply({
      status: 429,
      headers: { 'retry-after': '7' },
      body: { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } },
    });
    expect(await failed(agent)).toMatchObject({ code: 'rate_limited', retryAfterMs: 7_000 });
  });

  it('goes through a proxy by its agent', async () => {
    const sockets: Socket[] = [];
    const asked: string[] = [];
    const proxy = createServer((socket) => {
      sockets.push(socket);
      socket.once('data', (head) => {
        const [, host, port] = /^CONNECT (.+):(\d+) /.exec(String(head))!;
        asked.push(`${host}:${port}`);
        const upstream = connect(Number(port), host, () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          socket.pipe(upstream).pipe(socket);
        });
        sockets.push(upstream);
      });
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const tunnel = new Agent();
    tunnel.createConnection = ({ host, port }, callback) => {
      const socket = connect((proxy.address() as AddressInfo).port, '127.0.0.1');
      socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\n\r\n`);
      socket.once('data', () => callback!(null, socket));
      return undefined;
    };
    context.server.reply(hello);
    const events = await lastValueFrom(fromMessages(clientBy(tunnel), params).pipe(toArray()));
    expect(events).toEqual([...hello]);
    expect(asked).toEqual([new URL(context.server.url).host]);
    tunnel.destroy();
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });

  it('refuses the dispatcher of undici, which it could not heed', async () => {
    const init = { dispatcher: {} } as RequestInit;
    await expect(nodeHttpFetch({ http: agent })(context.server.url, init)).rejects.toThrow(
      TypeError,
    );
  });
});
