import 'reflect-metadata';
import { type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import type { StreamEvent } from 'claude-rx';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lastValueFrom, type Observable, take, toArray } from 'rxjs';
import { webSocket, type WebSocketSubject } from 'rxjs/webSocket';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { askGateway, ReplyGateway } from './nestGateway.ts';
import { askService, MODEL, ReplyController } from './nestMicroservice.ts';
import { events, TestModel } from './replies.ts';

const model = new TestModel();

@Module({
  controllers: [ReplyController],
  providers: [ReplyGateway, { provide: MODEL, useValue: model.ask }],
})
class Root {}

let service: INestMicroservice;
let server: Server;
let client: ClientProxy;
let socket: WebSocketSubject<any>;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

beforeAll(async () => {
  const options = { host: '127.0.0.1', port: await freePort() };
  service = await NestFactory.createMicroservice(Root, {
    transport: Transport.TCP,
    options,
    logger: false,
    abortOnError: false,
  });
  server = createServer();
  service.useWebSocketAdapter(new WsAdapter(server));
  await service.listen();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  client = ClientProxyFactory.create({ transport: Transport.TCP, options });
  socket = webSocket({ url: `ws://127.0.0.1:${port}`, WebSocketCtor: WebSocket as never });
});
afterAll(async () => {
  client.close();
  await service.close();
  server.close();
});
afterEach(() => vi.waitFor(() => expect(model.open).toEqual([])));

const transports: [string, (prompt: string) => Observable<StreamEvent>][] = [
  ['a microservice over TCP', (prompt) => askService(client, prompt)],
  ['a WebSocket gateway', (prompt) => askGateway(socket, prompt)],
];

describe.each(transports)('%s of NestJS', (_name, ask) => {
  it('carries a reply and its end', async () => {
    expect(await lastValueFrom(ask('whole').pipe(toArray()))).toEqual(events);
  });

  it('carries an error with its code and what had arrived', async () => {
    await expect(lastValueFrom(ask('cut'))).rejects.toMatchObject({
      code: 'overloaded',
      retryable: true,
      retryAfterMs: 7,
      partial: { content: [{ type: 'text', text: 'Hello wo' }] },
    });
  });

  it('aborts the request when the reader unsubscribes, and no other one', async () => {
    const other = ask('endless').subscribe();
    await vi.waitFor(() => expect(model.open).toHaveLength(1));
    expect(await lastValueFrom(ask('endless').pipe(take(4), toArray()))).toHaveLength(4);
    await vi.waitFor(() => expect(model.open).toEqual(['endless']));
    other.unsubscribe();
  });

  it('carries replies at the same time', async () => {
    const replies = [ask('whole'), ask('whole')].map((reply$) =>
      lastValueFrom(reply$.pipe(toArray())),
    );
    expect(await Promise.all(replies)).toEqual([events, events]);
  });
});
