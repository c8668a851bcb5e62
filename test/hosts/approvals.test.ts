import Anthropic from '@anthropic-ai/sdk';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { approvalService } from '../../examples/approvals/service.ts';
import { TestBrowser, violations } from './browser.ts';

let browser: TestBrowser;
let api: MessagesServer;
let folder: string;
let file: string;
const services: Server[] = [];
const paid: string[] = [];

beforeAll(async () => {
  browser = await TestBrowser.start();
  api = await MessagesServer.start({ strict: true });
  folder = mkdtempSync(join(tmpdir(), 'approvals-'));
});
afterAll(async () => {
  await browser.close();
  for (const service of services) service.close().closeAllConnections();
  await api.close();
  rmSync(folder, { recursive: true });
});

/** Starts the service; on the port of the one before, as after a restart. */
async function start(port = 0): Promise<number> {
  const service = approvalService({
    client: new Anthropic({ apiKey: 'test', baseURL: api.url, maxRetries: 0 }),
    file,
    pay: (to, amount) => {
      paid.push(`${amount} to ${to}`);
      return 'Paid.';
    },
  });
  services.push(service);
  await once(service.listen(port, '127.0.0.1'), 'listening');
  return (service.address() as AddressInfo).port;
}

it.each([
  ['a plain page', '/'],
  ['the page in Angular', '/approvals'],
])(
  '%s shows a card for a call that waits, and the click works after a reload and a restart',
  async (_, path) => {
    file = join(folder, `chat${path.replace('/', '-')}.json`);
    paid.length = 0;
    api.reply(
      messageEvents
        .text('May I?')
        .toolUse('pay_bill', { to: 'Gas & Light', amount: 42 })
        .toolUse('pay_bill', { to: '<b>Water</b>', amount: 7 }),
      messageEvents.text('One is paid.'),
    );
    const port = await start();
    const { page, problems } = await browser.open(`http://127.0.0.1:${port}${path}`);
    const cards = page.locator('.card');
    await page.getByLabel('Your message').fill('Pay the bills');
    await page.getByRole('button', { name: 'Send' }).click();
    await cards.nth(1).waitFor();
    expect(await cards.allTextContents()).toEqual([
      expect.stringContaining('Gas & Light'),
      expect.stringContaining('<b>Water</b>'),
    ]);
    expect(await violations(page)).toEqual([]);

    // The service ends, another process takes over, and the page is reloaded.
    const ended = services.at(-1)!;
    ended.close().closeAllConnections();
    await once(ended, 'close');
    await start(port);
    await page.reload();
    await cards.nth(1).waitFor();
    expect(paid).toEqual([]);
    await cards.nth(0).getByRole('button', { name: 'Approve' }).click();
    await cards.nth(1).getByRole('button', { name: 'Refuse' }).click();
    await page.getByText('One is paid.').waitFor();
    expect(await cards.count()).toBe(0);
    expect(paid).toEqual(['42 to Gas & Light']);

    await page.reload();
    await page.getByText('One is paid.').waitFor();
    expect(await cards.count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  },
);

it('the page in Angular shows what another tab has answered, and says when the service is gone', async () => {
  file = join(folder, 'chat-tabs.json');
  api.reply(
    messageEvents.text('May I?').toolUse('pay_bill', { to: 'Rent', amount: 1 }),
    messageEvents.text('Refused, then.'),
  );
  const port = await start();
  const url = `http://127.0.0.1:${port}/approvals`;
  const { page: one } = await browser.open(url);
  await one.getByLabel('Your message').fill('Pay the rent');
  await one.getByRole('button', { name: 'Send' }).click();
  await one.locator('.card').waitFor();
  const { page: other } = await browser.open(url);
  await other.getByRole('button', { name: 'Refuse' }).click();
  await other.getByText('Refused, then.').waitFor();
  await one.getByRole('button', { name: 'Approve' }).click();
  await one.getByText('That is not possible now.').waitFor();
  await one.getByText('Refused, then.').waitFor();
  expect(await one.locator('.card').count()).toBe(0);
  services.at(-1)!.close().closeAllConnections();
  await one.getByLabel('Your message').fill('Hello?');
  await one.getByRole('button', { name: 'Send' }).click();
  await one.getByText('The service cannot be reached.').waitFor();
});
