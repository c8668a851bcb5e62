import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backpressure, flood, trip } from '../../examples/nest-service/src/demo/scripts.ts';
import { frames, resetFrames, TestBrowser, violations } from './browser.ts';
import { NestService, quickReply, until } from './nestService.ts';

/** Pictures of each state, to be looked at. */
const PICTURES = join(import.meta.dirname, 'pictures');
mkdirSync(PICTURES, { recursive: true });
const picture = (page: Page, name: string) =>
  page.screenshot({ path: join(PICTURES, `${name}.png`) });

let server: MessagesServer;
let service: NestService;
let browser: TestBrowser;

beforeAll(async () => {
  server = await MessagesServer.start({ strict: true });
  server.handle(quickReply);
  service = await NestService.start({
    ANTHROPIC_API_KEY: 'test',
    ANTHROPIC_BASE_URL: server.url,
    FAULTS: 'true',
    LIVENESS_MS: '2500',
  });
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser.close();
  await service.stop();
  await server.close();
});

/** Notes in the page when it shows this text, however shortly. */
function watchFor(page: Page, text: string): Promise<void> {
  return page.evaluate((wanted) => {
    const observer = new MutationObserver(() => {
      if (document.body.textContent?.includes(wanted)) Object.assign(globalThis, { isSeen: true });
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  }, text);
}

async function seen(page: Page, timeout: number): Promise<void> {
  const isSeen = () => (globalThis as unknown as { isSeen?: boolean }).isSeen === true;
  await page.waitForFunction(isSeen, undefined, { timeout });
}

let page: Page;
let problems: string[];
let first: number;
const requests = () => server.requests.slice(first);

beforeEach(async () => {
  first = server.requests.length;
  ({ page, problems } = await browser.open(service.url));
});
afterEach(async () => {
  await page.close();
  // No request is left behind, by the page or by the service.
  await server.idle();
  await until(async () => (await service.openReplies()) === 0);
  expect(problems).toEqual([]);
});

const composer = () => page.getByRole('textbox', { name: 'Your message' });
const last = () => page.locator('chat-reply').last();
const status = (name: string) =>
  last()
    .and(page.locator(`[data-status=${name}]`))
    .waitFor({ timeout: 45_000 });
const hasText = () => last().locator('chat-markdown .block').first().waitFor();

async function ask(prompt: string, fault?: string): Promise<void> {
  if (fault) await page.getByRole('combobox').selectOption(fault);
  await composer().fill(prompt);
  await composer().press('Enter');
}

/** The text of the last reply exactly as the page has it: as it tells it the service in the next turn. */
async function textOfLast(): Promise<string> {
  const count = requests().length;
  await ask('And then?');
  await until(() => requests().length > count);
  const { messages } = requests().at(-1)!.body as {
    messages: { role: string; content: { type: string; text?: string }[] }[];
  };
  await status('complete');
  const said = messages.findLast(({ role }) => role === 'assistant');
  return said?.content.map(({ text = '' }) => text).join('') ?? '';
}

/** The text of the first reply, without its buttons. */
const textOfFirst = () =>
  page
    .locator('chat-reply')
    .first()
    .evaluate((reply) => {
      const copy = reply.cloneNode(true) as Element;
      copy.querySelector('.actions')?.remove();
      return copy.textContent;
    });

/** What Chromium says by itself of a connection that breaks, or of an HTTP error. */
function forgive(what: RegExp): void {
  const index = problems.findIndex((problem) => what.test(problem));
  if (index >= 0) problems.splice(index, 1);
}

describe('the chat', () => {
  it('writes in steps, with one change detection a frame at most, and says it all in the end', async () => {
    await picture(page, 'welcome');
    await page.setViewportSize({ width: 375, height: 640 });
    expect(await page.locator('main').evaluate(({ scrollTop }) => scrollTop)).toBe(0);
    expect(await page.locator('chat-marble-strip').isVisible()).toBe(false);
    await page.setViewportSize({ width: 1_000, height: 820 });
    expect(await violations(page)).toEqual([]);
    await ask('Explain backpressure');
    await last().getByText('Thinking').waitFor();
    await picture(page, 'thinking');
    await hasText();
    await resetFrames(page);
    const steps = await page.evaluate(async () => {
      const lengths = new Set<number>();
      const reply = document.querySelector('chat-reply')!;
      while (reply.getAttribute('data-status') !== 'complete') {
        lengths.add(reply.querySelector('chat-markdown')!.textContent.length);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return [...lengths];
    });
    const { detections, frames: count } = await frames(page);
    const all = detections.reduce((sum, each) => sum + (each ?? 0), 0);
    console.log(`${all} change detections in ${count} frames, ${steps.length} steps of text`);
    // The end is shown at once: its frame may have a second one.
    const several = detections.filter((each) => each > 1);
    expect(several.length).toBeLessThanOrEqual(1);
    expect(Math.max(1, ...several)).toBeLessThanOrEqual(2);
    expect(steps.length).toBeGreaterThan(25);
    const largest = Math.max(...steps.slice(1).map((length, index) => length - steps[index]!));
    expect(largest).toBeLessThan(backpressure.text.length / 4);

    await picture(page, 'complete');
    expect(await violations(page)).toEqual([]);
    await expectRendered(backpressure.text);
    expect(await last().getByRole('table').getByRole('row').count()).toBe(5);
    await expect.poll(() => last().locator('.facts').textContent()).toMatch(/\d+ tokens/);
    expect(await last().locator('.facts').textContent()).toMatch(
      /first text \d+\.\d\d s.*tokens\/s/,
    );

    const thought = last().locator('summary');
    expect(await last().getByText(backpressure.thinking!).count()).toBe(0);
    await thought.focus();
    await page.keyboard.press('Enter');
    await last().getByText(backpressure.thinking!).waitFor();
    await page.locator('main').evaluate((main) => (main.scrollTop = 0));
    await page.getByRole('button', { name: 'Latest' }).waitFor();
    await picture(page, 'thought');
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Latest' }).click();
    await page.getByRole('button', { name: 'Latest' }).waitFor({ state: 'detached' });
    expect(await textOfLast()).toBe(backpressure.text);
  });

  it('fills a tool call in while it is written', async () => {
    await ask('Plan a weekend in Lisbon');
    const card = last().locator('.itinerary');
    await card.locator('li').first().waitFor();
    await picture(page, 'tool');
    expect(await card.locator('.state').textContent()).toBe('filling in');
    const rows = async () => card.locator('li').count();
    const early = await rows();
    await status('complete');
    const { days } = trip.tool!.input as { days: { stops: { place: string }[] }[] };
    const places = days.flatMap(({ stops }) => stops.map(({ place }) => place));
    expect(early).toBeLessThan(places.length);
    expect(await card.locator('li b').allTextContents()).toEqual(places);
    expect(await card.locator('.state').textContent()).toBe('complete');
    await picture(page, 'tool-complete');
    expect(await violations(page)).toEqual([]);
    // The next turn answers the call: a strict API would refuse the conversation otherwise.
    await ask('Thanks');
    await status('complete');
    expect(requests()[1]?.body.messages[2].content[0]).toMatchObject({ type: 'tool_result' });
  });

  it('keeps the text when it is stopped, aborts the request, and carries on when asked to', async () => {
    await ask('Explain backpressure');
    await hasText();
    await page.getByRole('button', { name: 'Stop' }).click();
    await status('aborted');
    expect(await requests()[0]?.finished).toBe('client-left');
    const text = await last().locator('chat-markdown').textContent();
    expect(text?.length).toBeGreaterThan(5);
    expect(await composer().evaluate((element) => element === document.activeElement)).toBe(true);
    await picture(page, 'stopped');
    expect(await violations(page)).toEqual([]);

    await last().getByRole('button', { name: 'Carry on' }).click();
    await status('complete');
    expect(requests()).toHaveLength(2);
    await expectRendered(backpressure.text);
    expect(await textOfLast()).toBe(backpressure.text);
  });

  it('colours code, copies a reply, asks again, and asks an edited prompt', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await ask('Explain backpressure');
    await status('complete');
    expect(await last().locator('pre .hljs-keyword').count()).toBeGreaterThan(0);
    await last().getByRole('button', { name: 'Copy' }).click();
    await last().getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(backpressure.text);
    await picture(page, 'actions');
    expect(await violations(page)).toEqual([]);

    await last().getByRole('button', { name: 'Regenerate' }).click();
    await until(() => requests().length === 2);
    await status('complete');
    expect(requests()[1]!.body).toEqual(requests()[0]!.body);

    await page.getByRole('button', { name: 'Edit' }).click();
    const editor = page.getByRole('textbox', { name: 'Edit your message' });
    await editor.press('Escape');
    await page.getByRole('button', { name: 'Edit' }).press('Enter');
    await picture(page, 'editing');
    expect(await violations(page)).toEqual([]);
    await editor.fill('Plan a weekend in Lisbon');
    await editor.press('Enter');
    await until(() => requests().length === 3);
    await status('complete');
    expect(await page.locator('chat-reply').count()).toBe(1);
    expect(requests()[2]!.body).toMatchObject({
      messages: [{ role: 'user', content: [{ text: 'Plan a weekend in Lisbon' }] }],
    });
  });

  it('closes the Markdown of a reply that is stopped', async () => {
    const begun = [...messageEvents.text('A **bold word', { chunk: 13 })].slice(0, 3);
    const pings = Array.from({ length: 60 }, () => ({ type: 'ping' as const }));
    server.reply({ events: [...begun, ...pings], pace: 300 });
    await ask('Be bold');
    await last().getByText('A **bold word').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await status('aborted');
    expect(await last().locator('chat-markdown strong').textContent()).toBe('bold word');
    expect(await last().locator('chat-markdown').textContent()).not.toContain('*');
  });

  it('survives a reload, and carries on the reply that was being written', async () => {
    await ask('Plan a weekend in Lisbon');
    await status('complete');
    const before = await textOfFirst();
    await ask('Explain backpressure');
    await hasText();
    await page.reload();
    expect(await page.locator('.prompt').allTextContents()).toEqual([
      'Plan a weekend in Lisbon',
      'Explain backpressure',
    ]);
    expect(await textOfFirst()).toBe(before);
    await status('aborted');
    await last().getByRole('button', { name: 'Carry on' }).click();
    await status('complete');
    expect(await textOfLast()).toBe(backpressure.text);
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.reload();
    expect(await page.locator('.prompt').count()).toBe(0);
  });

  it.each(['#prompt', 'main', '#fault'])(
    'stops with Escape while the focus is in %s',
    async (focused) => {
      await ask('Explain backpressure');
      await last().getByText('Thinking').waitFor();
      await page.locator(focused).focus();
      await page.keyboard.press('Escape');
      await status('aborted');
      expect(await requests()[0]?.finished).toBe('client-left');
    },
  );

  it.each([
    ['cut', 'The connection was lost.'],
    ['stall', 'Nothing came any more.'],
  ])('carries a reply on, exactly, after the fault %s', async (fault, reason) => {
    // It is shown until the next request answers, which may be sooner than a test looks again.
    await watchFor(page, `${reason} Carrying on`);
    await ask('Explain backpressure', fault);
    await seen(page, 30_000);
    await picture(page, `${fault}-recovering`);
    expect(await violations(page)).toEqual([]);
    await last().getByText(`carried on: ${reason}`).waitFor();
    await picture(page, `${fault}-carried-on`);
    await status('complete');
    forgive(/ERR_CONNECTION_RESET/);
    await expectRendered(backpressure.text);
    expect(requests()).toHaveLength(2);
    expect(await requests()[0]?.finished).toBe('client-left');
    expect(await textOfLast()).toBe(backpressure.text);
  });

  it('shows one card where the connection was cut in the middle of it', async () => {
    await ask('Plan a weekend in Lisbon', 'cut');
    await last().getByText('carried on').waitFor({ timeout: 30_000 });
    await status('complete');
    forgive(/ERR_CONNECTION_RESET/);
    expect(await last().locator('.itinerary').count()).toBe(1);
    expect(await last().locator('.itinerary li').count()).toBe(8);
    expect(await textOfLast()).toBe(trip.text);
  });

  it('writes evenly over a slow network', async () => {
    await ask('Hello', 'slow');
    await hasText();
    await last().getByText('≈').waitFor();
    await picture(page, 'slow');
    await page.getByRole('button', { name: 'Stop' }).click();
    await status('aborted');
  });

  it('says what failed, and goes on from there when asked to', async () => {
    await ask('Explain backpressure', 'overloaded');
    const alert = last().getByRole('alert');
    await alert.waitFor({ timeout: 30_000 });
    expect(await alert.textContent()).toContain('Claude is overloaded at the moment.');
    expect(requests()).toHaveLength(4);
    await picture(page, 'error');
    expect(await violations(page)).toEqual([]);
    await alert.getByRole('button', { name: 'Carry on' }).click();
    await status('complete');
    await expectRendered(backpressure.text);
    expect(await textOfLast()).toBe(backpressure.text);
  });

  it('shows what the service refuses in its words', async () => {
    await ask('x'.repeat(50_001));
    const alert = last().getByRole('alert');
    expect(await alert.textContent()).toMatch(/messages\.0\.content/);
    await alert.getByRole('button', { name: 'Try again' }).waitFor();
    expect(requests()).toEqual([]);
    forgive(/400/);
  });

  it('leaves no request behind when it is reloaded, or cleared, in the middle of a reply', async () => {
    await ask('Explain backpressure');
    await hasText();
    await page.reload();
    await status('aborted');
    expect(await requests()[0]?.finished).toBe('client-left');
    expect(requests()).toHaveLength(1);

    await ask('Explain backpressure');
    await hasText();
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByRole('heading', { name: 'Watch a reply' }).waitFor();
    expect(await requests()[1]?.finished).toBe('client-left');
    await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
  });

  it('runs nothing that a reply contains, and loads nothing', async () => {
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    const evil = [
      '<img src="/evil.png" onerror="document.title = \'evil\'">',
      '<script>document.title = "evil"</script>',
      '![picture](/evil.png?secret)',
      '[link](javascript:document.title="evil")',
      '<b>bold</b> & **strong**',
    ].join('\n\n');
    server.reply(messageEvents.text(evil));
    await ask('Be evil');
    await status('complete');
    const text = await last().locator('chat-markdown').textContent();
    expect(text).toContain('<img src="/evil.png"');
    expect(text).toContain('<b>bold</b> & strong');
    expect(await last().locator('chat-markdown').locator('img, script, b').count()).toBe(0);
    for (const link of await last().locator('chat-markdown a').all()) {
      expect(await link.getAttribute('href')).not.toMatch(/^javascript/);
    }
    expect(await page.title()).toMatch(/^Marbles/);
    expect(asked.filter((url) => url.includes('evil'))).toEqual([]);
  });

  it('reads aloud in whole sentences, every few seconds, and not each word', async () => {
    await page.evaluate(() => {
      const said: string[] = [];
      Object.assign(globalThis, { said });
      const region = document.querySelector('[aria-live=polite]')!;
      new MutationObserver(() => said.push(region.textContent)).observe(region, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    });
    const began = performance.now();
    await ask('Explain backpressure');
    await status('complete');
    const took = performance.now() - began;
    const said = await page.evaluate(() => (globalThis as unknown as { said: string[] }).said);
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(took / 3_000 + 3);
    expect(letters(said.join(''))).toBe(letters(backpressure.text));
    expect(await page.getByRole('status').textContent()).toBe('The reply is complete.');
  });

  it('stays responsive while 20,000 deltas come as fast as they can', async () => {
    await ask('Hello');
    await status('complete');
    const began = performance.now();
    const cdp = await page.context().newCDPSession(page);
    const traced = tracing(cdp);
    await traced.start();
    await ask('Send 20,000 deltas');
    await hasText();
    await resetFrames(page);
    await picture(page, 'flood');
    await status('complete');
    const took = performance.now() - began;
    const { longest, longestWall, tasks } = await traced.stop();
    const { frames: count, detections } = await frames(page);
    console.log(
      `20,000 deltas in ${(took / 1_000).toFixed(1)} s: ${tasks} tasks, the longest ${longest.toFixed(0)} ms ` +
        `of work (${longestWall.toFixed(0)} ms by the clock of this machine), ${count} frames`,
    );
    expect(longest).toBeLessThan(200);
    // The end is shown at once: its frame may have a second one.
    const several = detections.filter((each) => each > 1);
    expect(several.length).toBeLessThanOrEqual(1);
    expect(Math.max(1, ...several)).toBeLessThanOrEqual(2);
    const text = (await last().locator('chat-markdown').textContent()) ?? '';
    expect(letters(text)).toBe(letters(flood().text));
    await picture(page, 'flood-complete');
  });
});

describe('the chat for other people', () => {
  it('has no violation and no overflow in the dark, and on a screen of 320 pixels', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await ask('Explain backpressure', 'overloaded');
    await last().getByRole('alert').waitFor({ timeout: 30_000 });
    await picture(page, 'dark-error');
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize({ width: 320, height: 640 });
    await last().getByRole('button', { name: 'Carry on' }).click();
    await status('complete');
    await picture(page, 'dark-narrow');
    expect(await violations(page)).toEqual([]);
    const overflow = () =>
      page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
    expect(await overflow()).toBe(0);
    await ask('Plan a weekend in Lisbon');
    await status('complete');
    await page.emulateMedia({ colorScheme: 'light' });
    await picture(page, 'narrow-tool');
    expect(await violations(page)).toEqual([]);
    expect(await overflow()).toBe(0);
  });

  it('shows the stages of a reply in a strip, with its legend on a phone too', async () => {
    await page.setViewportSize({ width: 375, height: 812 });
    await ask('Explain backpressure', 'cut');
    const strip = page.locator('chat-marble-strip');
    const names = () => strip.locator('.name').allTextContents();
    await expect
      .poll(names, { timeout: 20_000 })
      .toEqual(['fromResponse', 'retryResumable', 'smoothText', 'render']);
    await expect.poll(() => strip.locator('g.thinking, g.text').count()).toBeGreaterThan(2);
    // A vertical line has no area that would be visible.
    await strip.locator('.seam-line').first().waitFor({ state: 'attached', timeout: 20_000 });
    await picture(page, 'strip-375');
    await status('complete');
    for (const word of ['text', 'thinking', 'tool input', 'frame', 'seam', 'error']) {
      expect(await strip.locator('figcaption').getByText(word, { exact: true }).isVisible()).toBe(
        true,
      );
    }
    const size = () => getComputedStyle(document.querySelector('figcaption')!).fontSize;
    expect(Number.parseFloat(await page.evaluate(size))).toBeGreaterThanOrEqual(12);
    // One line for each stage, and all of them in sight.
    // Measured at once: the picture may be replaced with the next frame.
    const svg = await strip.evaluate((element) => {
      const { width, height } = element.querySelector('[role=img] svg')!.getBoundingClientRect();
      return { width, height };
    });
    expect([svg.width <= 375, svg.height]).toEqual([true, 104]);
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture(page, 'strip-375-dark');
    expect(await violations(page)).toEqual([]);
    forgive(/ERR_CONNECTION_RESET/);
  });

  it('streams a reply in the first component of the guide, and stops it', async () => {
    await page.goto(`${service.url}/?first`);
    const shows = (text: string) => page.getByRole('status').getByText(text, { exact: true });
    const text = async () => (await page.locator('#text').textContent()) ?? '';
    await page.getByRole('textbox').fill('Explain backpressure');
    await page.getByRole('button', { name: 'Send' }).click();
    await expect.poll(async () => (await text()).length, { timeout: 20_000 }).toBeGreaterThan(20);
    await page.getByRole('button', { name: 'Stop' }).click();
    await shows('aborted').waitFor();
    const stopped = await text();
    expect(stopped.length).toBeGreaterThan(20);
    expect(backpressure.text.startsWith(stopped)).toBe(true);
    expect(stopped).not.toBe(backpressure.text);
    expect(await requests()[0]!.finished).toBe('client-left');
    await page.getByRole('button', { name: 'Send' }).click();
    await shows('complete').waitFor({ timeout: 45_000 });
    expect(await text()).toBe(backpressure.text);
  });

  it('does not move for who wants little motion', async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await ask('Explain backpressure');
    await hasText();
    const running = await page.evaluate(
      () => document.getAnimations().filter(({ playState }) => playState === 'running').length,
    );
    expect(running).toBe(0);
    await picture(page, 'little-motion');
    await status('complete');
    await expectRendered(backpressure.text);
  });
});

/** Without the signs of Markdown, and white space. */
function letters(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}]+/gu, '');
}

/** All that Markdown says is on the page, once: the names of languages are not shown, nor list numbers. */
async function expectRendered(markdown: string): Promise<void> {
  const shown = await last().locator('chat-markdown').textContent();
  const said = markdown.replaceAll(/^```\w*$/gm, '').replaceAll(/^\d+\. /gm, '');
  expect(letters(shown ?? '')).toBe(letters(said));
}

/** The tasks of the page's main thread, by Chromium's own trace. */
function tracing(cdp: Awaited<ReturnType<ReturnType<Page['context']>['newCDPSession']>>) {
  const events: {
    name: string;
    ph: string;
    tid: number;
    pid: number;
    dur?: number;
    tdur?: number;
  }[] = [];
  cdp.on('Tracing.dataCollected', ({ value }) =>
    events.push(...(value as unknown as typeof events)),
  );
  return {
    start: () =>
      cdp.send('Tracing.start', {
        transferMode: 'ReportEvents',
        traceConfig: { includedCategories: ['devtools.timeline', 'toplevel', 'v8'] },
      }),
    stop: async () => {
      const complete = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve));
      await cdp.send('Tracing.end');
      await complete;
      // The thread that runs the page's code.
      const { tid, pid } = events.find(({ name }) => name === 'FunctionCall')!;
      const tasks = events.filter(
        (event) =>
          event.tid === tid && event.pid === pid && event.name.endsWith('RunTask') && event.dur,
      );
      return {
        tasks: tasks.length,
        longest: Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1_000,
        longestWall: Math.max(...tasks.map(({ dur = 0 }) => dur)) / 1_000,
      };
    },
  };
}
