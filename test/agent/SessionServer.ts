import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { SessionEvent } from 'claude-rx';

export interface Received {
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
}

/**
 * The event endpoints of one Managed Agents session on loopback, as the API has them: a history in
 * pages, and streams on which comes what happens after they were opened; previews on those alone, and
 * only where they are asked for.
 */
export class SessionServer {
  readonly requests: Received[] = [];
  /** Called when a stream has been opened, before it is answered. */
  onOpen: (count: number) => void = () => {};
  /** Called before a page of the history is answered; a promise makes it wait. */
  onList: (count: number) => void | Promise<void> = () => {};
  /** Answers in place of the endpoints, while there are any. */
  readonly failures: ((response: ServerResponse) => void)[] = [];
  /** As many events are in a page at most. */
  page = 2;
  readonly history: SessionEvent[] = [];
  readonly #streams = new Map<ServerResponse, URLSearchParams>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #opened = 0;
  #listed = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<SessionServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new SessionServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many streams are open. */
  get open(): number {
    return this.#streams.size;
  }

  /** What happens in the session. */
  emit(...events: object[]): void {
    for (const event of events as SessionEvent[]) {
      const isPreview = event.type === 'event_start' || event.type === 'event_delta';
      if (!isPreview) this.history.push(event);
      for (const [response, query] of this.#streams) {
        if (isPreview && !query.toString().includes('event_deltas')) continue;
        response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      }
    }
  }

  /** Ends all streams: well, as far as HTTP is concerned, or by a reset. */
  drop(how: 'end' | 'rst'): void {
    for (const response of this.#streams.keys()) {
      this.#streams.delete(response);
      if (how === 'end') response.end();
      else response.socket?.resetAndDestroy();
    }
  }

  /** Sends bytes of any kind on all streams. */
  send(text: string): void {
    for (const response of this.#streams.keys()) response.write(text);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    this.requests.push({ path: pathname, query: searchParams, headers: request.headers });
    response.on('error', () => {});
    const failure = this.failures.shift();
    if (failure) return failure(response);
    if (pathname.endsWith('/stream')) return this.#stream(response, searchParams);
    if (pathname.endsWith('/events')) return this.#list(response, searchParams);
    response.writeHead(404).end();
  }

  #stream(response: ServerResponse, query: URLSearchParams): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('event: ping\ndata: {"type":"ping"}\n\n');
    this.#streams.set(response, query);
    response.on('close', () => this.#streams.delete(response));
    this.onOpen(++this.#opened);
  }

  async #list(response: ServerResponse, query: URLSearchParams): Promise<void> {
    const begin = Number(query.get('page') ?? 0);
    const size = Math.min(Number(query.get('limit') ?? 20), this.page);
    await this.onList(++this.#listed);
    const data = this.history.slice(begin, begin + size);
    const next_page = begin + size < this.history.length ? String(begin + size) : null;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ data, next_page }));
  }
}

/** A failure of the API, as it answers one. */
export const apiError =
  (status: number, type: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ type: 'error', error: { type, message: `it is ${type}` } }));
  };
