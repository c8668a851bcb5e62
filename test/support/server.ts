import Anthropic from '@anthropic-ai/sdk';
import { MessageStreamError, type StreamEvent } from 'claude-rx';
import { MessagesServer, type MessagesServerOptions } from 'claude-rx/testing';
import { lastValueFrom, type Observable, toArray } from 'rxjs';
import { afterEach, beforeEach, expect } from 'vitest';
import { encodeEvent } from '../../src/sse/encodeEvent.ts';
import { leftOver, resources } from './leftOver.ts';

export const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

/**
 * A Messages API server on loopback and a real SDK client for it, fresh for each test. After the
 * test nothing is left: no socket, no timer.
 */
export function useServer(options: MessagesServerOptions = {}): {
  readonly server: MessagesServer;
  readonly client: Anthropic;
} {
  let server: MessagesServer;
  let client: Anthropic;
  let before: string[];
  beforeEach(async () => {
    before = resources();
    server = await MessagesServer.start(options);
    client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 });
  });
  afterEach(async () => {
    await server.close();
    // The client closes its ends, and undici lets its timers go, a little later.
    for (let wait = 0; wait < 300 && leftOver(before).length > 0; wait++) {
      await new Promise((resolve) => setTimeout(resolve, wait < 5 ? 0 : 10));
    }
    expect(leftOver(before)).toEqual([]);
  });
  return {
    get server() {
      return server;
    },
    get client() {
      return client;
    },
  };
}

export const received = <T>(reply: Observable<T>): Promise<T[]> =>
  lastValueFrom(reply.pipe(toArray()));

/** The error that `reply` ends with; it must be one of ours. */
export async function failure(reply: Observable<unknown>): Promise<MessageStreamError> {
  const error: unknown = await received(reply).then(
    () => expect.unreachable('the reply completed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MessageStreamError);
  return error as MessageStreamError;
}

/** The body of a reply. */
export const sse = (events: Iterable<StreamEvent>): string =>
  Array.from(events, (event) => encodeEvent(event)).join('');

/** Until `condition` holds; the test's own time limit ends the wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
