import { MessageStreamError, shareMessage, type StreamEvent, textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import {
  concat,
  finalize,
  from,
  lastValueFrom,
  NEVER,
  Subject,
  take,
  throwError,
  toArray,
} from 'rxjs';
import { build } from 'esbuild';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type TransferListItem, Worker } from 'node:worker_threads';
import { examplesOf, root } from './support/examples.ts';

// What the recipes export, from the page itself.
type Recipes = Record<string, (...args: any[]) => any>;
const recipes: Recipes = {};

const folder = join(root, 'node_modules/.cache/claude-rx-recipes');
mkdirSync(folder, { recursive: true });
const files = examplesOf('docs/recipes.md').map(({ code, line }) => {
  const file = join(folder, `recipe-${line}.ts`);
  writeFileSync(file, code);
  return { code, file };
});
const load = (file: string): Promise<object> =>
  import(/* @vite-ignore */ pathToFileURL(file).href) as Promise<object>;

beforeAll(async () => {
  for (const { code, file } of files) {
    if (/^export /m.test(code)) Object.assign(recipes, await load(file));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const events = [...messageEvents.text('Hello world', { chunk: 4 })];
const cut = () =>
  concat(
    from(events.slice(0, 4)),
    throwError(() => new MessageStreamError('Overloaded', { code: 'overloaded' })),
  );
const outcome = async (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe('recipes', () => {
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

  it('send a reply from a worker thread', async () => {
    const { file } = files.find(({ code }) => code.includes('function sendReply'))!;
    const contents = `
      import { from } from 'rxjs';
      import { workerData } from 'node:worker_threads';
      import { sendReply } from ${JSON.stringify(file)};
      sendReply(from(workerData.events), workerData.port).add(() => workerData.port.close());`;
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: root },
      alias: { 'claude-rx': join(root, 'src/index.ts') },
      bundle: true,
      platform: 'node',
      write: false,
    });
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(outputFiles[0]!.text, {
      eval: true,
      workerData: { events, port: port1 },
      transferList: [port1 as unknown as TransferListItem],
    });
    const left = once(worker, 'exit');
    expect(await lastValueFrom(recipes['fromPort']!(port2).pipe(toArray()))).toEqual(events);
    expect(await left).toEqual([0]);
    port2.close();
  });

  it('send a reply to all readers of a BroadcastChannel, also when one of them leaves', async () => {
    const channels = [1, 2, 3].map(() => new BroadcastChannel('recipe'));
    const [sender, leaving, staying] = channels;
    try {
      const first = lastValueFrom(recipes['fromPort']!(leaving).pipe(take(1), toArray()));
      const all = lastValueFrom(recipes['fromPort']!(staying).pipe(toArray()));
      const source = new Subject<StreamEvent>();
      recipes['sendReply']!(source, sender);
      source.next(events[0]!);
      expect(await first).toEqual(events.slice(0, 1));
      for (const event of events.slice(1)) source.next(event);
      source.complete();
      expect(await all).toEqual(events);
    } finally {
      for (const channel of channels) channel.close();
    }
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

// These recipes are test files: their hooks and tests run here.
describe.each(files.filter(({ code }) => /^it\(/m.test(code)))(
  'a recipe with a test',
  async (recipe) => {
    await load(recipe.file);
  },
);
