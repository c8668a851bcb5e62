import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { InspectorServer } from '../../src/inspect/server/InspectorServer.ts';

/** Inspectors for the tests of a file, closed after each. */
export function useInspectors() {
  let closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
    closing = [];
  });
  return {
    async inspector(): Promise<InspectorServer> {
      const server = await InspectorServer.start({ port: 0 });
      closing.push(() => server.close());
      return server;
    },
    /** The address of a server that takes connections and does nothing more. */
    async hanging(): Promise<string> {
      const server = createServer((request) => request.pause());
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      closing.push(() => {
        server.closeAllConnections();
        server.close();
      });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/?token=x`;
    },
  };
}
