// The service of `service.ts`: each path is another way to send a reply on.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createAnthropic } from '@ai-sdk/anthropic';
import Anthropic from '@anthropic-ai/sdk';
import { Controller, Module, Query, Res, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { streamText } from 'ai';
import { encodeEvent, fromMessages, pipeToResponse, toSseResponse, Valve } from 'claude-rx';
import { type SseMessage, toMessageEvents } from 'claude-rx/nest';
import { createRelay, relaySse } from 'claude-rx/relay';
import type { Observable } from 'rxjs';
import { params } from './contenders.ts';
import { FOLLOWERS, type Usage } from './serviceUsage.ts';

type Send = (baseURL: string, response: ServerResponse) => unknown;

const upstream = process.argv[2]!;
const clients = new Map<string, Anthropic>();

function clientOf(baseURL: string): Anthropic {
  let client = clients.get(baseURL);
  if (!client) {
    client = new Anthropic({ apiKey: 'none', maxRetries: 0, baseURL });
    clients.set(baseURL, client);
  }
  return client;
}

const SSE = { 'content-type': 'text/event-stream' };
const bounded = { keepContent: false };

/** As a web server for Node does it. */
function sendWeb(web: Response, response: ServerResponse): Promise<void> {
  response.writeHead(web.status, Object.fromEntries(web.headers));
  return pipeline(Readable.fromWeb(web.body as never), response);
}

class ReplyController {
  reply(baseURL: string, response: ServerResponse): Observable<SseMessage> {
    const valve = new Valve();
    return fromMessages(clientOf(baseURL), params, { ...bounded, valve }).pipe(
      toMessageEvents({ response, valve }),
    );
  }
}
class ReplyModule {
  readonly name = 'replies';
}

// As calls, since a decorator is not syntax that can be erased.
const { prototype } = ReplyController;
Query('from')(prototype, 'reply', 0);
Res({ passthrough: true })(prototype, 'reply', 1);
Sse('reply')(prototype, 'reply', Object.getOwnPropertyDescriptor(prototype, 'reply')!);
Controller()(ReplyController);
Module({ controllers: [ReplyController] })(ReplyModule);
const nest = await NestFactory.create(ReplyModule, { logger: false });
await nest.init();
const express = nest.getHttpAdapter().getInstance() as Send;

/** The responses that wait for the same reply: it begins when all of them are there. */
const waiting: ServerResponse[] = [];
function whenAll(response: ServerResponse, send: (responses: ServerResponse[]) => unknown): void {
  if (waiting.push(response) === FOLLOWERS) send(waiting.splice(0));
}

/** Each in a service where several responses follow one reply. */
const broadcasts: Record<string, Send> = {
  'SDK raw, res.write to each': (baseURL, response) =>
    whenAll(response, async (responses) => {
      for (const each of responses) each.writeHead(200, SSE);
      const stream = await clientOf(baseURL).messages.create({ ...params, stream: true });
      for await (const event of stream) {
        const frame = encodeEvent(event);
        for (const each of responses) each.write(frame);
      }
      for (const each of responses) each.end();
    }),
  'relay, one writer': (baseURL, response) =>
    whenAll(response, async (responses) => {
      const relay = createRelay();
      const sse = relaySse(relay);
      const { id, concluded } = await relay.publish(
        fromMessages(clientOf(baseURL), params, bounded),
      );
      const closed = responses.map((each) => once(each, 'close'));
      await Promise.all(responses.map((each) => sse.pipeToResponse(each.req as never, each, id)));
      await Promise.all([concluded, ...closed]);
      await relay.close();
    }),
};

const contenders: Record<string, Send> = {
  'bytes untouched': async (baseURL, response) => {
    const body = JSON.stringify({ ...params, stream: true });
    const answer = await fetch(`${baseURL}/v1/messages`, { method: 'POST', body });
    return sendWeb(new Response(answer.body, { headers: SSE }), response);
  },
  'SDK raw, res.write': async (baseURL, response) => {
    response.writeHead(200, SSE);
    const stream = await clientOf(baseURL).messages.create({ ...params, stream: true });
    for await (const event of stream) {
      if (!response.write(encodeEvent(event))) await once(response, 'drain');
    }
    response.end();
  },
  'SDK toReadableStream': (baseURL, response) => {
    const stream = clientOf(baseURL).messages.stream(params);
    return sendWeb(new Response(stream.toReadableStream() as ReadableStream), response);
  },
  'AI SDK pipeUIMessageStreamToResponse': (baseURL, response) => {
    const model = createAnthropic({ apiKey: 'none', baseURL: `${baseURL}/v1` })(params.model);
    streamText({ model, prompt: 'Hello', maxRetries: 0 }).pipeUIMessageStreamToResponse(response);
  },
  pipeToResponse: (baseURL, response) =>
    pipeToResponse(fromMessages(clientOf(baseURL), params, bounded), response),
  'pipeToResponse with a valve': (baseURL, response) => {
    const valve = new Valve();
    const events$ = fromMessages(clientOf(baseURL), params, { ...bounded, valve });
    return pipeToResponse(events$, response, { valve });
  },
  'toSseResponse with a valve': (baseURL, response) => {
    const valve = new Valve();
    const events$ = fromMessages(clientOf(baseURL), params, { ...bounded, valve });
    return sendWeb(toSseResponse(events$, { valve }), response);
  },
  'Nest, toMessageEvents with a valve': (baseURL, response) => {
    response.req.url = `/reply?from=${encodeURIComponent(baseURL)}`;
    return express(response.req as never, response);
  },
};

let writes = 0;
const sockets = new WeakSet<Socket>();
function counting(socket: Socket): void {
  if (sockets.has(socket)) return;
  sockets.add(socket);
  for (const name of ['_write', '_writev'] as const) {
    const write = socket[name] as ((...args: unknown[]) => void) | undefined;
    if (!write) continue;
    socket[name] = function (this: Socket, ...args: unknown[]) {
      writes++;
      return write.apply(this, args);
    } as never;
  }
}

const server = createServer(
  { keepAliveTimeout: 0 },
  async (request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    counting(request.socket);
    const [, contender, how, reply] = request.url!.split('/');
    try {
      const send = { ...contenders, ...broadcasts }[decodeURIComponent(contender!)]!;
      await send(`${upstream}/${how}/${reply}`, response);
    } catch (error) {
      console.error(error);
      response.destroy();
    }
  },
);
server.listen(0, '127.0.0.1', 4_096, () => {
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

let began = process.cpuUsage();
let most = 0;
const held = () => {
  const { heapUsed, external } = process.memoryUsage();
  most = Math.max(most, heapUsed + external);
};
setInterval(held, 100).unref();

process.on('message', (question) => {
  if (question === 'contenders') {
    return process.send!([Object.keys(contenders), Object.keys(broadcasts)]);
  }
  if (question === 'begin') {
    writes = 0;
    most = 0;
    began = process.cpuUsage();
    return process.send!('begun');
  }
  const { user, system } = process.cpuUsage(began);
  held();
  process.send!({ cpu: (user + system) / 1_000, writes, memory: most } satisfies Usage);
});
process.on('disconnect', () => process.exit());
