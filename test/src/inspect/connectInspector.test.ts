import { connectInspector, inspect } from 'claude-rx/inspect';
import { from, of, Subject } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { fetchTransport } from '../../../src/inspect/fetchTransport.ts';
import { useInspectors } from '../../support/inspectors.ts';
import { until } from '../../support/server.ts';

const { inspector, hanging } = useInspectors();

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

  it('keeps no timer for subscriptions that continue after it', async () => {
    const server = await inspector();
    const connected = connectInspector(server.url, { content: true });
    const source = new Subject<string>();
    let count = 0;
    source.pipe(inspect('texts')).subscribe(() => count++);
    source.next('a');
    connected.unsubscribe();
    const timers = vi.spyOn(globalThis, 'setTimeout');
    source.next('b');
    await Promise.resolve();
    expect([count, timers.mock.calls.length]).toEqual([2, 0]);
    timers.mockRestore();
    // The name, a beginning, a text.
    await until(() => server.reported === 3);
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

  it('is bounded and does not throw if the inspector accepts nothing, or is gone', async () => {
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
