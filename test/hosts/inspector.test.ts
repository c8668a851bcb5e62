import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { continueFrom, fromMessages, retryResumable, segmentText, textOnly } from 'claude-rx';
import { connectInspector, inspect } from 'claude-rx/inspect';
import { type Fault, messageEvents, MessagesServer, type Reply } from 'claude-rx/testing';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import {
  catchError,
  EMPTY,
  lastValueFrom,
  type Observable,
  type Subscription,
  toArray,
} from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recordTasks, TestBrowser, violations } from './browser.ts';
import { until } from './nestService.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The pictures of the guide are taken with UPDATE_PICTURES=true; else they are only looked at. */
const PICTURES = join(
  root,
  process.env['UPDATE_PICTURES'] ? 'docs/inspector' : 'test/hosts/pictures',
);
mkdirSync(PICTURES, { recursive: true });

/** `claude-rx inspect` as a process of its own, and the address that it prints. */
class Command {
  readonly url: string;
  readonly #child: ChildProcess;
  /** All that it and its program have written. */
  output = '';

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (data) => (this.output += String(data)));
    }
  }

  static async start(...args: string[]): Promise<Command> {
    const program = join(root, 'dist/src/cli/claudeRx.js');
    const child = spawn(process.execPath, [program, 'inspect', '--port', '0', ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const url = await new Promise<string>((resolve, reject) => {
      // It is read to the end: a closed pipe would end the command.
      child.stderr!.on('data', (data) => {
        output += String(data);
        const found = /http:\S+(?=\s)/.exec(output)?.[0];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', () => reject(new Error(output)));
    });
    return new Command(child, url);
  }

  /** Ends it as Ctrl-C does; gives the exit code. */
  async stop(): Promise<number> {
    this.#child.kill('SIGINT');
    const [code] = await once(this.#child, 'exit');
    return code as number;
  }
}

let browser: TestBrowser;
let command: Command;
let page: Page;
let problems: string[];
let connected: Subscription | undefined;

beforeAll(async () => {
  browser = await TestBrowser.start();
});
afterAll(() => browser.close());

const article = () => page.locator('article');
const findings = () => page.locator('#findings li').allTextContents();
const state = () => page.locator('nav .state').first().textContent();

async function open(...args: string[]): Promise<void> {
  command = await Command.start(...args);
  ({ page, problems } = await browser.open(command.url));
}
afterEach(async () => {
  connected?.unsubscribe();
  connected = undefined;
  await page.close();
  expect(await command.stop()).toBe(0);
  // Chromium itself says that the connection was closed.
  expect(problems.filter((problem) => !/ERR_(CONNECTION|INCOMPLETE)/.test(problem))).toEqual([]);
});

let development: Server | undefined;
afterEach(() => {
  development?.closeAllConnections();
  development?.close();
  development = undefined;
});

/** Serves a page of an application that reports to the inspector; gives its address. */
async function developmentPage(url: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { connectInspector, inspect } from 'claude-rx/inspect';
        import { of } from 'rxjs';
        connectInspector(${JSON.stringify(url)}, { content: true });
        of('Hello').pipe(inspect('in a page')).subscribe();
        globalThis.last = () => of('Bye').pipe(inspect('at the end')).subscribe();`,
      resolveDir: root,
    },
    bundle: true,
    format: 'esm',
    write: false,
  });
  const html = `<!doctype html><link rel="icon" href="data:,"><script type="module">${outputFiles[0]!.text}</script>`;
  development = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(html);
  });
  development.listen(0, '127.0.0.1');
  await once(development, 'listening');
  return `http://127.0.0.1:${(development.address() as AddressInfo).port}/`;
}

/** Sends entries as a program does. */
async function report(...entries: object[]): Promise<void> {
  const url = new URL(command.url);
  url.pathname = '/report';
  const body = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  const { status } = await fetch(url, { method: 'POST', body });
  expect(status).toBe(204);
}

const TEXT =
  'A marble diagram shows values over time. Each line is an Observable. ' +
  'A cross is an error, and a bar is the end.';
const events = messageEvents.text(TEXT, { chunk: 7 });
const params = {
  model: 'claude-opus-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'What is a marble diagram?' }],
};

describe('the inspector, with five faults of MessagesServer', () => {
  let server: MessagesServer;
  let client: Anthropic;

  beforeEach(async () => {
    server = await MessagesServer.start();
    client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 });
    await open('--content');
    connected = connectInspector(command.url, { content: true, name: 'chat.js' });
    await page.setViewportSize({ width: 1_000, height: 900 });
    await page.getByLabel('Stall after').selectOption('1000');
  });
  afterEach(() => server.close());

  const ask = (asked: Anthropic.MessageCreateParamsNonStreaming = params) =>
    fromMessages(client, asked).pipe(inspect('api'));
  const shown = (reply: Observable<never>) =>
    reply.pipe(
      inspect('whole'),
      textOnly(),
      segmentText('sentence'),
      inspect('shown'),
      catchError(() => EMPTY),
    );
  const all = (reply: Observable<string>) => lastValueFrom(reply.pipe(toArray()));
  const reply = (fault: Fault, more: Partial<Reply> = {}): Reply =>
    ({ events, pace: 40, fault, ...more }) as Reply;

  /** What the guide shows: the facts and the diagram. */
  async function picture(name: string): Promise<void> {
    const figure = await page.locator('figure').boundingBox();
    const { x, y, width } = (await article().boundingBox())!;
    const clip = { x, y, width, height: figure!.y + figure!.height - y + 10 };
    await page.screenshot({ path: join(PICTURES, `${name}.png`), clip });
  }

  it('shows where a reply hangs', async () => {
    server.reply(reply({ kind: 'stall', beforeEvent: 9 }));
    const subscription = shown(ask() as never).subscribe();
    await expect
      .poll(findings, { timeout: 15_000 })
      .toContainEqual(expect.stringMatching(/^api hangs: nothing has come for [23]/));
    await picture('stall');
    await expect.poll(state).toBe('running');
    subscription.unsubscribe();
    await expect.poll(state).toBe('unsubscribed');
  });

  it('shows where a reply was cut', async () => {
    server.reply(reply({ kind: 'end', beforeEvent: 12 }));
    await all(shown(ask() as never));
    await expect
      .poll(findings)
      .toContainEqual(
        expect.stringMatching(/^api failed with truncated, cut off before message_stop/),
      );
    await expect.poll(state).toBe('truncated');
    await expect.poll(() => page.locator('figure path.error').count()).toBe(3);
    await picture('cut');
  });

  it('shows a connection that was lost, and where the reply was carried on', async () => {
    const rest = messageEvents.text(TEXT.slice(49), { chunk: 7 });
    server.reply(reply({ kind: 'rst', beforeEvent: 9 }), { events: rest, pace: 40 });
    const resumed = ask().pipe(
      retryResumable({
        resume: ({ partial }) =>
          ask(continueFrom(params, partial) as Anthropic.MessageCreateParamsNonStreaming),
        delay: 300,
      }),
    );
    await all(shown(resumed as never));
    await expect
      .poll(findings)
      .toEqual([
        expect.stringMatching(/^api failed with connection/),
        expect.stringMatching(/^whole carried the reply on after connection at .* \(attempt 2\)/),
        expect.stringMatching(/^shown text came up to .* later than from whole/),
      ]);
    await expect.poll(state).toBe('complete');
    await expect.poll(() => page.locator('figure path.complete').count()).toBe(3);
    await picture('seam');
    expect(await page.locator('nav li').count()).toBe(1);
  });

  it('shows an error of the API in the middle of a reply', async () => {
    server.reply(reply({ kind: 'error', beforeEvent: 7 }));
    await all(shown(ask() as never));
    await expect
      .poll(findings)
      .toContainEqual(
        expect.stringMatching(/^api failed with overloaded at .* after 35 characters/),
      );
    await expect.poll(state).toBe('overloaded');
    await expect.poll(() => page.locator('figure path.error').count()).toBe(3);
    await picture('error');
  });

  it('shows which operator delayed the text of a slow reply', async () => {
    await page.getByLabel('Stall after').selectOption('5000');
    const longer = messageEvents.text(TEXT, { chunk: 14 });
    server.reply(reply({ kind: 'drip', ms: 1 }, { events: longer, pace: 0 } as Partial<Reply>));
    await all(shown(ask() as never));
    await expect
      .poll(findings)
      .toContainEqual(expect.stringMatching(/^shown text came up to .* s? ?later than from whole/));
    await expect.poll(state).toBe('complete');
    await expect.poll(() => page.locator('figure path.complete').count()).toBe(3);
    await picture('slow');
  });
});

const subscribe = (id: number, stage: string, at: number, into?: number) => ({
  type: 'subscribe',
  id,
  at,
  stage,
  content: true,
  into,
});
const delta = (id: number, at: number, text: string) => ({
  type: 'event',
  id,
  at,
  event: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
});

describe('the command and its program', () => {
  it('shows a program that it runs, with its output, arguments and exit code', async () => {
    const code = `
      import { inspect } from 'claude-rx/inspect';
      import { of } from 'rxjs';
      of('Hello').pipe(inspect('from a program')).subscribe();
      console.log('arguments:', process.argv.slice(1).join());
      process.exitCode = 3;`;
    const program = [process.execPath, '--input-type=module', '-e', code, 'one', 'two'];
    await open('--content', '--', ...program);
    await page.getByText('Subscription 1: from a program').waitFor();
    await expect.poll(state).toBe('complete');
    await expect.poll(() => command.output).toContain('arguments: one,two');
    await expect.poll(() => command.output).toContain('has ended with 3');
  });

  it('shows what a page in development reports', async () => {
    await open('--content');
    const { page: app, problems: own } = await browser.open(await developmentPage(command.url));
    await page.getByText('Subscription 1: in a page').waitFor();
    await expect.poll(state).toBe('complete');
    await page.locator('figure').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#content').textContent()).toBe('Hello');
    // Leaving the page sends the last values.
    await app.evaluate(() => (globalThis as unknown as { last(): void }).last());
    await app.goto('about:blank');
    await page.getByText('Subscription 2: at the end').waitFor();
    expect(own).toEqual([]);
    await app.close();
  });
});

describe('the page', () => {
  it('writes as text whatever is reported', async () => {
    await open();
    const hostile = `"><img src=x onerror="document.title='broken'"><script>1</script>`;
    await report(
      { type: 'process', at: 1, name: hostile },
      subscribe(1, hostile, 1),
      { type: 'event', id: 1, at: 2, event: { type: hostile } },
      {
        type: 'event',
        id: 1,
        at: 3,
        event: { type: 'content_block_start', content_block: { type: hostile } },
      },
      delta(1, 50, hostile),
      { type: 'value', id: 1, at: 90, value: { type: hostile, text: hostile } },
      { type: 'error', id: 1, at: 100, error: { code: hostile, message: hostile } },
    );
    await page.locator('#findings li').first().waitFor();
    await page.locator('figure').focus();
    for (let count = 0; count < 4; count++) await page.keyboard.press('ArrowRight');
    await page.locator('figure').hover();
    await page.keyboard.press('t');
    expect(await page.locator('img, article script, iframe').count()).toBe(0);
    expect(await page.title()).toBe('claude-rx inspector');
    expect(await page.locator('#title').textContent()).toContain('<img src=x');
    expect(await violations(page)).toEqual([]);
  });

  it.each([
    ['light', 1_200],
    ['dark', 1_200],
    ['light', 360],
    ['dark', 700],
  ] as const)('has no accessibility violations: %s, %s pixels wide', async (colorScheme, width) => {
    await open('examples/recordings/thinking-tools.ndjson');
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await page.getByLabel('Position').fill('1000');
    await expect.poll(state).toBe('complete');
    await page.locator('figure').focus();
    await page.keyboard.press('ArrowRight');
    await page.screenshot({
      path: join(root, `test/hosts/pictures/inspector-${colorScheme}-${width}.png`),
    });
    expect(await violations(page)).toEqual([]);
    const overflow = () => document.documentElement.scrollWidth - innerWidth;
    expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0);
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it('is used with the keyboard: marbles, lines, search, pause, subscriptions', async () => {
    await open('--content');
    for (const run of [1, 2]) {
      await report(
        subscribe(10 * run, `shown ${run}`, run * 1_000),
        subscribe(10 * run + 1, 'api', run * 1_000, 10 * run),
        delta(10 * run + 1, run * 1_000 + 100, 'Hello'),
        delta(10 * run + 1, run * 1_000 + 600, 'needle'),
        delta(10 * run, run * 1_000 + 900, 'Hello needle'),
        { type: 'complete', id: 10 * run + 1, at: run * 1_000 + 950 },
        { type: 'complete', id: 10 * run, at: run * 1_000 + 950 },
      );
    }
    await page.getByText('Subscription 2').waitFor();
    await page.keyboard.press('[');
    await page.getByText('Subscription 1').waitFor();
    const detail = () => page.locator('#detail').textContent();
    const content = () => page.locator('#content').textContent();
    await page.locator('figure').focus();
    await page.keyboard.press('ArrowRight');
    expect([await detail(), await content()]).toEqual([
      expect.stringContaining('api: text, content_block_delta at 100 ms'),
      'Hello',
    ]);
    await page.keyboard.press('ArrowRight');
    expect(await content()).toBe('needle');
    await page.keyboard.press('ArrowDown');
    expect(await detail()).toContain('shown 1: text');
    await page.keyboard.press('/');
    await page.keyboard.type('needle');
    await page.getByText('2 found').waitFor();
    await page.keyboard.press('Enter');
    expect(await content()).toBe('needle');
    await page.keyboard.press('Escape');
    await page.keyboard.press('+');
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Go on' }).waitFor();
    await page.keyboard.press(' ');
    await page.keyboard.press('0');
  });

  it('plays a recording: pause, speed, position, and saves it as SVG and as a test', async () => {
    await open('examples/recordings/text.ndjson');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Play' }).waitFor();
    const clock = await page.locator('#clock').textContent();
    await page.getByLabel('Speed').selectOption('16');
    await page.getByRole('button', { name: 'Play' }).click();
    await page.getByRole('button', { name: 'Play' }).waitFor({ timeout: 20_000 });
    expect(await page.locator('#clock').textContent()).not.toBe(clock);
    await expect.poll(state).toBe('complete');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save SVG' }).click();
    const drawing = readFileSync(await (await download).path(), 'utf8');
    expect(drawing).toMatch(/^<svg xmlns=[^]*<\/svg>\n$/);
    await page.getByRole('button', { name: 'Marble test' }).click();
    expect(await page.locator('#code').textContent()).toContain('toMarbles(values, { times: [');
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByLabel('Position').fill('100');
    await expect.poll(state).toBe('running');
  });
});

describe('20,000 deltas', () => {
  it.each([
    ['in one subscription', 1],
    ['in 100 subscriptions', 100],
  ])('%s stay responsive: no task over 50 ms', async (_title, runs) => {
    await open('--content');
    await page.getByText('Connected').waitFor();
    const recorded = await recordTasks(page);
    const each = 20_000 / runs;
    const now = Date.now();
    for (let run = 0; run < runs; run++) await report(subscribe(run + 1, 'api', now));
    for (let count = 0; count < each; count += 500) {
      for (let run = 1; run <= runs; run++) {
        const deltas = Array.from({ length: Math.min(500, each) }, (_, index) =>
          delta(run, now + count + index, 'word '),
        );
        await report(...deltas);
      }
    }
    await expect.poll(() => page.locator('#status').textContent()).toContain('20000 values');
    await page.locator('figure').focus();
    for (const key of ['+', '+', 'ArrowRight', 'ArrowRight', '0', '['])
      await page.keyboard.press(key);
    await page.getByLabel('Search').fill('word');
    await until(async () => (await page.locator('#found').textContent())!.endsWith('found'));
    await page.waitForTimeout(500);
    const tasks = await recorded();
    expect(tasks.length).toBeGreaterThan(100);
    expect(tasks.filter((milliseconds) => milliseconds > 50)).toEqual([]);
  });
});
