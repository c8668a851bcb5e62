import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  EventDecoder,
  fromMessages,
  pipeToResponse,
  type StreamEvent,
  toSseResponse,
  Valve,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import type { Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { params, until, useServer } from '../support/server.ts';
import { serve, useHttpServers } from '../support/httpServers.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MEGABYTE = 1 << 20;
const COUNT = 64 * 1024;

/** 64 MB in events of 1 KB, made while they are sent. */
function* events(): Generator<StreamEvent> {
  const [start, blockStart, , ...ends] = messageEvents.text('x', { chunk: 1 });
  yield start!;
  yield blockStart!;
  for (let index = 0; index < COUNT; index++) {
    const text = `${index} `.padEnd(900, 'x');
    yield { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } };
  }
  yield* ends;
}

/** What the process holds, in bytes. */
function inUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

type Send = (reply$: Observable<StreamEvent>, response: ServerResponse, valve: Valve) => void;

const sinks: Record<string, Send> = {
  pipeToResponse: (reply$, response, valve) => void pipeToResponse(reply$, response, { valve }),
  toSseResponse: (reply$, response, valve) => serve(toSseResponse(reply$, { valve }), response),
};

describe('a relay whose client is slower than the model', () => {
  const context = useServer();
  const relay = useHttpServers();

  it.each(Object.entries(sinks))('stays small, and loses nothing: %s', async (name, send) => {
    context.server.reply(events());
    const { url } = await relay((_, response) => {
      const valve = new Valve();
      send(fromMessages(context.client, params, { valve, keepContent: false }), response, valve);
    });
    const before = inUse();
    const rssBefore = process.memoryUsage().rss;
    const response = await new Promise<IncomingMessage>((resolve) => get(url, resolve));
    await until(() => context.server.requests.length === 1);
    const [request] = context.server.requests;

    // Nobody reads: the server comes to a stop.
    let sent = -1;
    while (sent !== request!.eventsSent || sent === 0) {
      sent = request!.eventsSent;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const whileStopped = inUse() - before;
    const stoppedAt = request!.bytesSent;
    expect(request!.outcome).toBe('pending');
    expect(request!.bytesSent).toBeLessThan(32 * MEGABYTE);

    let most = 0;
    let next = 0;
    let isDone = false;
    const decoder = new EventDecoder((event) => {
      if (event.type === 'message_stop') isDone = true;
      if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') return;
      if (Number.parseInt(event.delta.text, 10) !== next++) throw new Error('out of order');
      if (next % 4_096 === 0) most = Math.max(most, inUse() - before);
    });
    response.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      // A pause after each chunk: slower than the model.
      response.pause();
      setTimeout(() => response.resume(), 1);
    });
    await until(() => isDone);
    expect(next).toBe(COUNT);
    console.log(
      `${name}: the server stopped after ${(stoppedAt / MEGABYTE).toFixed(1)} MB; ` +
        `held ${(whileStopped / MEGABYTE).toFixed(1)} MB while stopped, at most ` +
        `${(most / MEGABYTE).toFixed(1)} MB; RSS grew by ` +
        `${((process.memoryUsage().rss - rssBefore) / MEGABYTE).toFixed(1)} MB`,
    );
    expect(whileStopped).toBeLessThan(16 * MEGABYTE);
    expect(most).toBeLessThan(16 * MEGABYTE);
  });

  it.each(Object.entries(sinks))(
    'lets the request go when it is killed: %s',
    async (name, send) => {
      context.server.reply(events());
      const valve = new Valve();
      const { url } = await relay((_, response) => {
        send(fromMessages(context.client, params, { valve, keepContent: false }), response, valve);
      });
      const response = await new Promise<IncomingMessage>((resolve) => get(url, resolve));
      response.on('error', () => {});
      await until(() => !valve.isOpen);
      const killedAt = performance.now();
      response.socket.resetAndDestroy();
      expect(await context.server.requests[0]!.finished).toBe('client-left');
      const took = performance.now() - killedAt;
      console.log(`${name}: aborted ${Math.round(took)} ms after the client was killed`);
      expect(took).toBeLessThan(1_000);
      expect(valve.depth).toBe(0);
    },
  );
});
