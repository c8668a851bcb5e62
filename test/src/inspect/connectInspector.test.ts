import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectInspector, inspect } from 'claude-rx/inspect';
import { from, of } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { InspectorServer } from '../../../src/inspect/server/InspectorServer.ts';
import { fetchTransport } from '../../../src/inspect/fetchTransport.ts';
import { until } from '../../support/server.ts';

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

async function inspector(): Promise<InspectorServer> {
  const server = await InspectorServer.start({ port: 0 });
  closing.push(() => server.close());
  return server;
}

/** A server that takes connections and does nothing more. */
async function hanging(): Promise<string> {
  const server: Server = createServer((request) => request.pause());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/?token=x`;
}

describe('connectInspector', () => {
  it('reports to the inspector until it is unsubscribed', async () => {
    const server = await inspector();
    const connected = connectInspector(server.url, { name: 'test' });
    of(1, 2).pipe(inspect('numbers')).subscribe();
    await until(() => server.reported >= 5);
    of(3).pipe(inspect('numbers')).subscribe();
    connected.unsubscribe();
    of(4).pipe(inspect('numbers')).subscribe();
    // The name, twice a beginning and an end, and three values.
    await until(() => server.reported === 8);
  });

  it.each([
    'https://127.0.0.1/',
    'http://example.com/',
    'nonsense',
    '',
    'http://127.0.0.1.evil.example',
  ])('refuses the address %j: reports stay on this machine', (url) =>
    expect(() => connectInspector(url)).toThrow(TypeError),
  );

  it('is bounded and harmless when the inspector takes nothing, or is not there', async () => {
    for (const url of [await hanging(), 'http://127.0.0.1:9/?token=x']) {
      const connected = connectInspector(url, { content: true });
      const values = Array.from({ length: 21_000 }, (_, index) => index);
      let count = 0;
      from(values)
        .pipe(inspect('numbers'))
        .subscribe(() => count++);
      expect(count).toBe(21_000);
      await new Promise((resolve) => setTimeout(resolve, 120));
      connected.unsubscribe();
    }
  });

  it('reports with fetch, as a page does', async () => {
    const server = await inspector();
    const url = new URL('/report', server.url);
    url.search = new URL(server.url).search;
    const transport = fetchTransport(url);
    const line = '{"type":"process","at":1}\n';
    expect(transport.isReady()).toBe(true);
    transport.send(line, line);
    expect(transport.isReady()).toBe(false);
    await until(() => transport.isReady());
    transport.end(line, line, true);
    await until(() => server.reported === 4);
  });
});
