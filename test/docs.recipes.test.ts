import {
  MessageStreamError,
  requireMessageStop,
  shareMessage,
  type StreamEvent,
  textOnly,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { concat, finalize, from, lastValueFrom, NEVER, Subject, throwError, toArray } from 'rxjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { examplesOf, root } from './support/examples.ts';

// What the recipes export, from the page itself.
type Recipes = Record<string, (...args: any[]) => any>;
const recipes: Recipes = {};

beforeAll(async () => {
  const folder = join(root, 'node_modules/.cache/claude-rx-recipes');
  mkdirSync(folder, { recursive: true });
  for (const { code, line } of examplesOf('docs/recipes.md')) {
    if (!/^export /m.test(code)) continue;
    const file = join(folder, `recipe-${line}.ts`);
    writeFileSync(file, code);
    Object.assign(recipes, await import(/* @vite-ignore */ pathToFileURL(file).href));
  }
  return () => rmSync(folder, { recursive: true, force: true });
});

const events = [...messageEvents.text('Hello world', { chunk: 4 })];
const cut = () =>
  concat(
    from(events.slice(0, 4)),
    throwError(() => new MessageStreamError('Overloaded', { code: 'overloaded' })),
  );
const outcome = async (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe('recipes', () => {
  it('make an error serializable', async () => {
    const error = await outcome(lastValueFrom(cut().pipe(requireMessageStop())));
    const plain = recipes['serializable']!(error);
    expect(structuredClone(plain)).toEqual(plain);
    expect(JSON.parse(JSON.stringify(plain))).toMatchObject({
      code: 'overloaded',
      retryable: true,
      partial: { content: [{ type: 'text', text: 'Hello wo' }] },
    });
  });

  it('are an epic that aborts on another action and survives a failed reply', () => {
    vi.useFakeTimers();
    try {
      const actions = new Subject<unknown>();
      const open: string[] = [];
      const ask = (prompt: string) => {
        open.push(prompt);
        const reply = prompt === 'cut' ? cut() : concat(from(events.slice(0, 4)), NEVER);
        return reply.pipe(finalize(() => open.splice(open.indexOf(prompt), 1)));
      };
      const replies: { state: { status: string; text: string }; code?: string }[] = [];
      recipes['askEpic']!(ask)(actions).subscribe((action: never) => replies.push(action));
      actions.next({ type: 'ask', prompt: 'cut' });
      expect(replies.at(-1)).toMatchObject({ code: 'overloaded', state: { text: 'Hello wo' } });
      actions.next({ type: 'ask', prompt: 'long' });
      vi.advanceTimersByTime(250);
      expect(replies.at(-1)).toMatchObject({ state: { status: 'streaming', text: 'Hello wo' } });
      expect(open).toEqual(['long']);
      actions.next({ type: 'stop' });
      expect(open).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('let late subscribers have the whole text with shareMessage', () => {
    const source = new Subject<StreamEvent>();
    const shared = source.pipe(shareMessage());
    const texts = ['', ''];
    shared.pipe(textOnly()).subscribe((text) => (texts[0] += text));
    for (const event of events.slice(0, 4)) source.next(event);
    shared.pipe(textOnly()).subscribe((text) => (texts[1] += text));
    for (const event of events.slice(4)) source.next(event);
    expect(texts).toEqual(['Hello world', 'Hello world']);
  });

  it('carry a reply, its error and its end through a port', async () => {
    const through = (reply: unknown) => {
      const { port1, port2 } = new MessageChannel();
      recipes['sendReply']!(reply, port1);
      return recipes['fromPort']!(port2).pipe(
        toArray(),
        finalize(() => port1.close()),
      );
    };
    expect(await lastValueFrom(through(from(events)))).toEqual(events);
    expect(await outcome(lastValueFrom(through(cut())))).toMatchObject({
      code: 'overloaded',
      retryable: true,
      partial: { content: [{ text: 'Hello wo' }] },
    });
    // The error itself would have lost both.
    const error = new MessageStreamError('Overloaded', { code: 'overloaded' });
    expect(structuredClone(error)).not.toHaveProperty('code');
  });

  it('abort the request when the reader of a port leaves', async () => {
    const { port1, port2 } = new MessageChannel();
    const left = new Promise<void>((resolve) => {
      recipes['sendReply']!(concat(from(events.slice(0, 4)), NEVER).pipe(finalize(resolve)), port1);
    });
    const arrived = new Promise<void>((resolve) => {
      const subscription = recipes['fromPort']!(port2).subscribe(() => {
        setTimeout(() => subscription.unsubscribe());
        resolve();
      });
    });
    await arrived;
    await left;
    port1.close();
  });

  it('read a reply from a webSocket of RxJS, and know when it is cut', async () => {
    let socket: any;
    function Socket() {
      socket = { readyState: 1, close() {}, send() {} };
      return socket;
    }
    const read = (messages: unknown[]) => {
      const config = { url: 'ws://localhost', WebSocketCtor: Socket };
      const result = outcome(lastValueFrom(recipes['fromSocket']!(config).pipe(toArray())));
      for (const message of messages) socket.onmessage({ data: JSON.stringify(message) });
      socket.onclose({ wasClean: true });
      return result;
    };
    expect(await read(events)).toEqual(events);
    expect(await read(events.slice(0, 4))).toMatchObject({ code: 'truncated' });
    const error = { type: 'overloaded_error', message: 'Overloaded' };
    expect(await read([...events.slice(0, 4), { type: 'error', error }])).toMatchObject({
      code: 'overloaded',
    });
  });
});
