import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { httpError, messageEvents, MessagesServer } from 'claude-rx/testing';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { TestBrowser, violations } from './browser.ts';
import { CuttableProxy } from './cuttableProxy.ts';
import { gated } from './gated.ts';
import { NestService } from './nestService.ts';

const PAGES = fileURLToPath(new URL('../../examples/react-chat/dist', import.meta.url));

/** Pictures of each state, to be looked at. */
const PICTURES = join(import.meta.dirname, 'pictures');
mkdirSync(PICTURES, { recursive: true });
const picture = (name: string) =>
  page.screenshot({ path: join(PICTURES, `react-${name}.png`), fullPage: true });

let server: MessagesServer;
let service: NestService;
let proxy: CuttableProxy;
let browser: TestBrowser;

beforeAll(async () => {
  server = await MessagesServer.start({ strict: true });
  service = await NestService.start({
    ANTHROPIC_API_KEY: 'test',
    ANTHROPIC_BASE_URL: server.url,
    PAGES,
  });
  proxy = await CuttableProxy.start(service.url);
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser.close();
  await proxy.close();
  await service.stop();
  await server.close();
});

let page: Page;
let problems: string[];
let first: number;
const requests = () => server.requests.length - first;

beforeEach(async () => {
  first = server.requests.length;
  ({ page, problems } = await browser.open(proxy.url));
  page.setDefaultTimeout(20_000);
});
afterEach(async () => {
  await page.evaluate(() => localStorage.clear());
  await page.close();
  // No request is left behind, by the page or by the service.
  await server.idle();
  expect(problems).toEqual([]);
});

const button = (name: string) => page.getByRole('button', { name });
const reply = () => page.getByRole('article', { name: 'Claude' });
async function ask(text: string): Promise<void> {
  await page.getByLabel('Your message').fill(text);
  await page.keyboard.press('Enter');
}
/** Until the last reply has this text, and is over. */
async function endsWith(text: string): Promise<void> {
  await reply().last().getByText(text, { exact: true }).waitFor();
  await button('Send').waitFor();
}
const HALF = 'Hello wi';
const hello = messageEvents.text('Hello wide world', { chunk: 4 });
/** What Chromium says by itself of connections that break. */
function forgiveBrokenConnections(): void {
  expect(problems.splice(0).filter((problem) => !problem.includes('net::ERR_'))).toEqual([]);
}
/** Its first half, until it may go on. */
const half = () => gated(hello, 4);

it('streams a reply with thinking and a tool, in both colour schemes and on a phone', async () => {
  const { reply: second, open } = half();
  const call = messageEvents.thinking('Hm').toolUse('get_weather', { city: 'Rome' });
  server.reply(call, second);
  expect(await violations(page)).toEqual([]);
  await ask('How is the weather?');
  await reply().getByText(HALF, { exact: true }).waitFor();
  await button('Stop').waitFor();
  open();
  await endsWith('Hello wide world');
  await reply().getByText('get_weather is done').click();
  await reply().getByText('"celsius": 24').waitFor();
  await reply().getByText('Thinking').click();
  await reply().getByText('Hm', { exact: true }).waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page)).toEqual([]);
    await picture(colorScheme);
  }
  await page.setViewportSize({ width: 360, height: 640 });
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBe(0);
  await picture('phone');
  expect(requests()).toBe(2);
});

it('stops a reply, says so, and goes on with the next message', async () => {
  server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
  await ask('Hi');
  await reply().getByText(HALF, { exact: true }).waitFor();
  await button('Stop').click();
  await reply().getByText('Ended early').waitFor();
  // The request to the API has ended, too.
  await server.idle();
  server.reply(messageEvents.text('Yes?'));
  await ask('Again');
  await endsWith('Yes?');
});

it('resumes a reply after a reload, and asks the API once', async () => {
  const { reply: events, open } = half();
  server.reply(events);
  await ask('Hi');
  await reply().getByText(HALF, { exact: true }).waitFor();
  await page.reload();
  await reply().getByText(HALF, { exact: true }).waitFor();
  await button('Stop').waitFor();
  open();
  await endsWith('Hello wide world');
  await page.reload();
  await endsWith('Hello wide world');
  expect([await page.getByRole('article').count(), requests()]).toEqual([2, 1]);
});

it('asks for an approval, which survives a reload, as does what follows it', async () => {
  const { reply: rest, open } = half();
  server.reply(messageEvents.toolUse('book_hotel', { city: 'Rome', nights: 2 }), rest);
  await ask('Book a hotel');
  const card = page.getByRole('region', { name: 'Approval of book_hotel' });
  await card.waitFor();
  await button('Send').waitFor();
  expect(await violations(page)).toEqual([]);
  await picture('approval');
  await page.reload();
  await card.getByRole('button', { name: 'Approve' }).click();
  await reply().getByText(HALF, { exact: true }).waitFor();
  await page.reload();
  await reply().getByText(HALF, { exact: true }).waitFor();
  open();
  await endsWith('Hello wide world');
  await reply().getByText('book_hotel is done').click();
  await reply().getByText('Booked 2 nights in Rome.').waitFor();
  expect([await page.getByRole('article').count(), requests()]).toEqual([2, 2]);
  server.reply(messageEvents.text('Bye'));
  await ask('Thanks');
  await endsWith('Bye');
});

it('takes a refusal back to the model', async () => {
  server.reply(
    messageEvents.toolUse('book_hotel', { city: 'Rome', nights: 2 }),
    messageEvents.text('Then not.'),
  );
  await ask('Book a hotel');
  await button('Refuse').click();
  await endsWith('Then not.');
  await reply().getByText('book_hotel was refused').waitFor();
});

it('runs a tool of the page, whose output survives a reload of what follows it', async () => {
  const { reply: rest, open } = half();
  server.reply(messageEvents.toolUse('get_time_zone', {}, { id: 'toolu_1' }), rest);
  await ask('What is my time zone?');
  await reply().getByText(HALF, { exact: true }).waitFor();
  await page.reload();
  await reply().getByText(HALF, { exact: true }).waitFor();
  open();
  await endsWith('Hello wide world');
  await reply().getByText('get_time_zone is done').click();
  const zone = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
  await reply().getByText(zone, { exact: true }).waitFor();
  const { content } = server.requests.at(-1)!.body.messages.at(-1);
  expect(content).toMatchObject([{ tool_use_id: 'toolu_1', content: zone }]);
  expect([await page.getByRole('article').count(), requests()]).toEqual([2, 2]);
});

it.each([
  ['while it was away', true],
  ['later', false],
])('continues a lost connection of a reply that ends %s', async (_, isOver) => {
  const { reply: events, open } = half();
  server.reply(events);
  await ask('Hi');
  await reply().getByText(HALF, { exact: true }).waitFor();
  proxy.cut();
  const isReconnecting = page.getByRole('status').getByText('Reconnecting');
  await isReconnecting.waitFor();
  if (isOver) {
    open();
    await server.idle();
  }
  proxy.restore();
  await isReconnecting.waitFor({ state: 'hidden' });
  open();
  await endsWith('Hello wide world');
  expect(await page.getByRole('status').textContent()).toBe('');
  expect([await page.getByRole('article').count(), requests()]).toEqual([2, 1]);
  forgiveBrokenConnections();
});

it('does not resume a reply that was stopped while the connection was lost', async () => {
  const { reply: events, open } = half();
  server.reply(events, messageEvents.text('Yes?'));
  await ask('Hi');
  await reply().getByText(HALF, { exact: true }).waitFor();
  proxy.cut();
  await page.getByRole('status').getByText('Reconnecting').waitFor();
  await button('Stop').click();
  await reply().getByText('Ended early').waitFor();
  proxy.restore();
  // The next message ends the reply that could not be stopped.
  await ask('Again');
  await endsWith('Yes?');
  await expect.poll(() => server.requests[first]!.outcome).toBe('client-left');
  open();
  forgiveBrokenConnections();
});

it('states a failed reply, and tries again', async () => {
  server.reply({ events: hello, fault: { kind: 'end', beforeEvent: 4 } });
  await ask('Hi');
  await page.getByRole('alert').getByText('The reply was cut off.').waitFor();
  expect(await violations(page)).toEqual([]);
  server.reply(httpError(400, { message: 'sk-secret' }), hello);
  await button('Try again').click();
  await expect.poll(requests).toBe(2);
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('main').textContent()).not.toContain('sk-secret');
  await button('Try again').click();
  await endsWith('Hello wide world');
});
