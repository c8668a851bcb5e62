import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach } from 'vitest';

export interface HttpServer {
  url: string;
  server: Server;
}

/** Servers on loopback that a test starts; after it they are closed, and none has an open socket. */
export function useHttpServers(): (listener: RequestListener) => Promise<HttpServer> {
  const servers: Server[] = [];
  afterEach(async () => {
    await Promise.all(
      servers.splice(0).map((server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        return closed;
      }),
    );
  });
  return async (listener) => {
    const server = createServer({ keepAliveTimeout: 0 }, listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  };
}

/** Serves a web Response, as adapters do: its body is cancelled when the client leaves. */
export function serve(response: Response, to: ServerResponse): void {
  to.writeHead(response.status, Object.fromEntries(response.headers));
  to.flushHeaders();
  const body = Readable.fromWeb(response.body as never);
  to.on('close', () => body.destroy());
  body.on('error', () => to.destroy());
  body.pipe(to);
}
