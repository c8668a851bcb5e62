import { messageEvents } from 'claude-rx/testing';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { approvalService } from '../examples/approvals/service.ts';
import { useServer } from './support/server.ts';

interface Shown {
  messages: { role: string; text: string }[];
  pending: { id: string; name: string; input: unknown }[];
  error?: string;
}

const bill = { to: 'Gas & Light', amount: 42 };
const asking = messageEvents.text('May I?').toolUse('pay_bill', bill, { id: 'toolu_bill' });
const approved = { answers: [{ id: 'toolu_bill', approved: true }] };

describe('the service whose tool waits for a click', () => {
  const http = useServer({ strict: true });
  let folder: string;
  let services: Server[];
  let paid: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'approvals-'));
    services = [];
    paid = [];
  });
  afterEach(() => {
    for (const service of services) service.close().closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  /** Starts the service, which reads what another one has stored; gives requests to it. */
  async function start() {
    const service = approvalService({
      client: http.client,
      file: join(folder, 'chat.json'),
      pay: (to, amount) => {
        paid.push(`${amount} to ${to}`);
        return 'Paid.';
      },
    });
    services.push(service);
    await once(service.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    const ask = async (path: string, body?: unknown, type = 'application/json') => {
      const init = {
        method: 'POST',
        headers: { 'content-type': type },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      };
      const response = await fetch(url + path, body === undefined ? {} : init);
      return { status: response.status, ...((await response.json()) as Shown) };
    };
    return { ask, url };
  }

  it('asks, is reloaded and restarted, and the click still works, once', async () => {
    http.server.reply(asking, messageEvents.text('Settled.'));
    const before = await start();
    expect(await before.ask('/send', { text: 'Pay the bill' })).toMatchObject({
      status: 200,
      pending: [{ id: 'toolu_bill', name: 'pay_bill', input: bill }],
    });
    // The page is reloaded.
    expect((await before.ask('/chat')).pending).toHaveLength(1);
    expect(paid).toEqual([]);

    // Another process: it knows nothing but the file.
    const after = await start();
    expect((await after.ask('/chat')).pending).toHaveLength(1);
    const [first, second] = await Promise.all([
      after.ask('/answer', approved),
      after.ask('/answer', approved),
    ]);
    expect([first.status, second.status].toSorted()).toEqual([200, 409]);
    expect(paid).toEqual(['42 to Gas & Light']);
    expect(await after.ask('/chat')).toMatchObject({
      pending: [],
      messages: [{ text: 'Pay the bill' }, { text: 'May I?' }, { text: 'Settled.' }],
    });
    expect((await after.ask('/answer', approved)).status).toBe(409);
    // What is stored knows that it was paid.
    expect(readFileSync(join(folder, 'chat.json'), 'utf8')).toContain('"content":"Paid."');
    expect((await (await start()).ask('/chat')).pending).toEqual([]);
  });

  it('does not pay what was refused', async () => {
    http.server.reply(asking, messageEvents.text('As you like.'));
    const { ask } = await start();
    await ask('/send', { text: 'Pay the bill' });
    await ask('/answer', { answers: [{ id: 'toolu_bill', approved: false }] });
    expect(paid).toEqual([]);
    const told = http.server.requests.at(-1)!.body.messages.at(-1)!.content;
    expect(told).toMatchObject([
      { is_error: true, content: expect.stringContaining('not approved') },
    ]);
  });

  it('survives requests that are not valid, and does not say what went wrong inside', async () => {
    http.server.reply(asking, { status: 500 } as never);
    const { ask, url } = await start();
    expect((await fetch(url)).headers.get('content-type')).toContain('text/html');
    for (const path of [
      '/../service.ts',
      '/%2e%2e/service.ts',
      '/service.ts',
      '/none.js',
      '/.js',
    ]) {
      expect((await fetch(url + path)).status).toBe(404);
    }
    for (const body of ['{', 'null', {}, { text: '' }, { text: 'x'.repeat(200_000) }]) {
      expect((await ask('/send', body)).status).toBe(409);
    }
    expect((await ask('/send', { text: 'Hi' }, 'text/plain')).status).toBe(409);
    expect((await ask('/nowhere')).status).toBe(404);
    await ask('/send', { text: 'Pay the bill' });
    expect((await ask('/send', { text: 'And?' })).status).toBe(409);
    expect((await ask('/answer', { answers: [{ id: 'other', approved: true }] })).status).toBe(409);
    expect((await ask('/answer', { answers: [] })).status).toBe(409);
    expect(await ask('/answer', approved)).toEqual({ status: 502, error: 'It failed.' });
  });
});
