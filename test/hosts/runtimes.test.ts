import {
  httpError,
  messageEvents,
  MessagesServer,
  type ReceivedRequest,
  type Reply,
} from 'claude-rx/testing';
import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = fileURLToPath(new URL('runtimes/', import.meta.url));
const installed = (name: string) => join(folder, 'node_modules/.bin', name);

/** What is used here of miniflare, which the root does not install. */
interface Miniflare {
  dispatchFetch(url: string): Promise<{ json(): Promise<unknown> }>;
  dispose(): Promise<void>;
}
type MiniflareModule = { Miniflare: new (options: object) => Miniflare };

/** A program and all that it imports, as one module without an import. */
async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, entry)],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    alias: { 'claude-rx': join(root, 'src/index.ts') },
    write: false,
  });
  return outputFiles[0]!.text;
}

const WORDS = ['Grüße', '👋🏽', 'words', '"quoted"', '\n'];
const TEXT = Array.from({ length: 40 }, (_, n) => `${WORDS[n % 5]} ${n} `).join('');
const whole = [...messageEvents.text(TEXT, { chunk: 10 })];
const cutAt = 12;
const BEGUN = whole
  .slice(0, cutAt)
  .map((event) =>
    event.type === 'content_block_delta' && event.delta.type === 'text_delta'
      ? event.delta.text
      : '',
  )
  .join('');

const REPLIES: Readonly<Record<string, Reply>> = {
  whole: whole,
  cut: { events: whole, faults: [{ kind: 'end', beforeEvent: cutAt }] },
  'once cut': { events: whole, faults: [{ kind: 'fin', beforeEvent: cutAt }] },
  reset: { events: whole, faults: [{ kind: 'rst', beforeEvent: cutAt, delay: 200 }] },
  stall: { events: whole, faults: [{ kind: 'stall', beforeEvent: cutAt }] },
  overloaded: httpError(529, { message: 'Overloaded' }),
};

function answer({ body }: ReceivedRequest): Reply {
  const [asked, partial] = body.messages;
  if (partial !== undefined) return [...messageEvents.text(TEXT.slice(BEGUN.length))];
  return REPLIES[asked!.content as string]!;
}

/** What each runtime must give. */
const EXPECTED = {
  fromResponse: TEXT,
  toSseResponse: {
    type: 'text/event-stream; charset=utf-8',
    text: TEXT,
    error: { code: 'truncated', retryable: true, partial: BEGUN },
  },
  retryResumable: TEXT,
  unsubscribed: 3,
  cut: { code: 'truncated', retryable: true, partial: BEGUN },
  reset: { code: 'connection', retryable: true, partial: BEGUN },
  overloaded: { code: 'overloaded', retryable: true, status: 529 },
  aborted: { code: 'aborted', retryable: false, partial: BEGUN },
  refused: { code: 'connection', retryable: true },
};

describe('the package works on', () => {
  let server: MessagesServer;
  let nobody: string;
  let program: string;
  const temporary = mkdtempSync(join(tmpdir(), 'claude-rx-runtimes-'));

  beforeAll(async () => {
    server = await MessagesServer.start();
    server.handle(answer);
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    nobody = `http://127.0.0.1:${(free.address() as AddressInfo).port}/`;
    free.close();
    program = join(temporary, 'program.mjs');
    writeFileSync(program, await bundled('program.ts'));
  });
  afterAll(async () => {
    // A reader that left a reply has closed its connection.
    await server.idle();
    await server.close();
    rmSync(temporary, { recursive: true });
  });

  it.each([
    ['Node', process.execPath, []],
    ['Deno', installed('deno'), ['run', '--allow-net=127.0.0.1', '--no-config']],
    ['Bun', installed('bun'), ['run']],
  ])('%s', async (_, file, args) => {
    const run = promisify(execFile)(file, [...args, program, server.url, nobody]);
    expect(JSON.parse((await run).stdout)).toEqual(EXPECTED);
  });

  it('workerd', async () => {
    const load = createRequire(join(folder, 'package.json'));
    const { Miniflare } = load('miniflare') as MiniflareModule;
    const worker = new Miniflare({
      modules: true,
      script: await bundled('worker.ts'),
      compatibilityDate: '2026-04-01',
    });
    try {
      const query = new URLSearchParams({ api: server.url, nobody });
      const response = await worker.dispatchFetch(`http://worker/?${query}`);
      expect(await response.json()).toEqual(EXPECTED);
    } finally {
      await worker.dispose();
    }
  });
});
