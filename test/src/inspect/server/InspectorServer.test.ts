import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  InspectorServer,
  type InspectorServerOptions,
} from '../../../../src/inspect/server/InspectorServer.ts';
import { leftOver, resources } from '../../../support/leftOver.ts';
import { until } from '../../../support/server.ts';

let before: string[];
let server: InspectorServer;
beforeEach(() => {
  before = resources();
});
afterEach(async () => {
  await server.close();
  for (let wait = 0; wait < 100 && leftOver(before).length > 0; wait++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(leftOver(before)).toEqual([]);
});

const start = async (options: InspectorServerOptions = {}) => {
  server = await InspectorServer.start({ port: 0, ...options });
  return new URL(server.url);
};

/** A request as any program could make it; `fetch` would set host and origin itself. */
async function send(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  const { port } = new URL(server.url);
  const request = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...options });
  request.end(options.body);
  const [response] = await once(request, 'response');
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, body, headers: response.headers };
}

const line = (value: object) => `${JSON.stringify({ at: 1, ...value })}\n`;
const next = (id: number) => line({ type: 'event', id, event: { type: 'ping' } });

/** Reads the entries until there are `count`. */
async function entries(count: number, headers: Record<string, string> = {}): Promise<unknown[]> {
  const { port, search } = new URL(server.url);
  const request = httpRequest({ port, host: '127.0.0.1', path: `/entries${search}`, headers });
  request.end();
  const [response] = await once(request, 'response');
  let text = '';
  const found = () =>
    [...text.matchAll(/^data: (.*)\n\n/gm)].flatMap(([, data]) => JSON.parse(data!) as unknown[]);
  for await (const chunk of response) {
    text += String(chunk);
    if (found().length >= count) break;
  }
  request.destroy();
  return found();
}

describe('InspectorServer', () => {
  it('serves the page to a client that has the token', async () => {
    const { search } = await start();
    const page = await send(`/${search}`);
    expect(page.status).toBe(200);
    expect(page.body).toContain('<title>claude-rx inspector</title>');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    for (const path of ['/', '/?token=', '/?token=wrong', `/?token=${'x'.repeat(22)}`]) {
      expect((await send(path)).status).toBe(403);
    }
    expect((await send(`/entries`)).status).toBe(403);
    expect((await send('/report', { method: 'POST', body: next(1) })).status).toBe(403);
    expect(server.reported).toBe(0);
  });

  it('has another token each time', async () => {
    const { search } = await start();
    await server.close();
    expect((await start()).search).not.toBe(search);
  });

  it('listens on loopback only', async () => {
    const { hostname } = await start();
    expect(hostname).toBe('127.0.0.1');
  });

  it.each(['evil.example', 'evil.example:4177', '127.0.0.1', '127.0.0.1.evil.example'])(
    'refuses the host %j, to which a page elsewhere may have its own name resolve',
    async (host) => {
      const { search } = await start();
      expect((await send(`/${search}`, { headers: { host } })).status).toBe(403);
    },
  );

  it('accepts reports only from pages of this machine', async () => {
    const { search } = await start();
    const report = (origin: string) =>
      send(`/report${search}`, { method: 'POST', headers: { origin }, body: next(1) });
    for (const origin of ['http://localhost:4200', 'http://127.0.0.1:5173', 'https://localhost']) {
      const { status, headers } = await report(origin);
      expect([status, headers['access-control-allow-origin']]).toEqual([204, origin]);
    }
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
      expect((await report(origin)).status).toBe(403);
    }
    const { status } = await send(`/entries${search}`, {
      headers: { origin: 'http://localhost:4200' },
    });
    expect(status).toBe(403);
    expect(server.reported).toBe(3);
  });

  it('serves only modules of the package', async () => {
    const { search } = await start();
    for (const path of [
      '/src/../package.json',
      '/src/%2e%2e/%2e%2e/etc/passwd.js',
      '/src/inspect/page/main.ts',
      '/node_modules/rxjs/index.js',
      '/package.json',
      '/recording',
    ]) {
      expect((await send(`${path}${search}`)).status).toBe(404);
    }
    expect((await send(`/${search}`, { method: 'POST' })).status).toBe(405);
  });

  it('passes entries on as they come, and from the beginning', async () => {
    const { search } = await start();
    await send(`/report${search}`, { method: 'POST', body: next(1) + next(2) });
    const live = entries(4);
    await until(() => server.pages === 1);
    await send(`/report${search}&from=a`, { method: 'POST', body: next(3) });
    await send(`/report${search}&from=a`, { method: 'POST', body: next(4) });
    const all = (await live) as [number, { id: number }][];
    expect(all.map(([from, { id }]) => [from, id])).toEqual([
      [1, 1],
      [1, 2],
      [2, 3],
      [2, 4],
    ]);
    const rest = (await entries(1, { 'last-event-id': '3' })) as [number, { id: number }][];
    expect(rest.map(([, { id }]) => id)).toEqual([4]);
  });

  it('refuses lines that are not objects, or too long', async () => {
    const { search } = await start();
    const status = async (body: string) =>
      (await send(`/report${search}`, { method: 'POST', body })).status;
    expect(await status('nonsense\n')).toBe(400);
    expect(await status('[]\n')).toBe(400);
    expect(await status('{"at":1}\n')).toBe(400);
    expect(await status(`{"type":"event","x":"${'x'.repeat(70_000)}"}\n`)).toBe(400);
    expect(server.reported).toBe(0);
  });

  it('keeps the latest entries, and the beginnings of the stages that they belong to', async () => {
    const { search } = await start({ entries: 10 });
    const lines = [line({ type: 'subscribe', id: 1, stage: 'api' })];
    for (let count = 0; count < 30; count++) lines.push(next(1));
    await send(`/report${search}`, { method: 'POST', body: lines.join('') });
    const all = (await entries(12)) as [number, { type: string; count?: number }][];
    expect(all.map(([, { type }]) => type)).toEqual([
      'subscribe',
      'dropped',
      ...Array.from({ length: 10 }, () => 'event'),
    ]);
    expect(all[1]![1].count).toBe(21);
  });

  it('sends a recording', async () => {
    const file = join(tmpdir(), `claude-rx-${process.pid}.ndjson`);
    writeFileSync(file, '{"type":"ping"}');
    const { search } = await start({ recording: file });
    expect((await send(`/${search}`)).body).toContain('data-recording="true"');
    expect((await send(`/recording${search}`)).body).toBe('{"type":"ping"}');
    expect((await send('/recording')).status).toBe(403);
  });

  it('uses another port if the default port is in use, but not if a port was given', async () => {
    const { port } = await start();
    await expect(InspectorServer.start({ port: Number(port) })).rejects.toThrow('EADDRINUSE');
  });

  it('survives invalid requests, and programs that break off', async () => {
    const { port, search } = await start();
    const raw = createConnection(Number(port), '127.0.0.1');
    raw.on('error', () => {});
    raw.write('nonsense\r\n\r\n');
    await once(raw, 'close');
    const half = httpRequest({ port, path: `/report${search}`, method: 'POST', agent: false });
    half.on('error', () => {});
    half.write(next(1) + next(2).slice(0, 9));
    await until(() => server.reported === 1);
    half.destroy();
    expect((await send(`/${search}`)).status).toBe(200);
  });
});
