import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { parseRecord } from '../../message/record.ts';
import { EntryLog, type EntryLogOptions, type LoggedEntry } from './EntryLog.ts';
import { html } from './html.ts';
import { CSS } from './css.ts';

export interface InspectorServerOptions extends EntryLogOptions {
  /** The port. Default: 4177, or any free port if 4177 is in use. */
  port?: number | undefined;
  /** The path of a recording that the page opens. Default: none. */
  recording?: string | undefined;
}

/** The maximum size of a line, and of a request that is not streamed, in bytes. */
const LONGEST_LINE = 65_536;
const LARGEST_PART = 500;
/** Milliseconds before an entry is sent to the page. */
const EVERY = 30;
const USUAL_PORT = 4177;
/** The folder of the package's modules: the page loads its modules from here. */
const ROOT = new URL('../../../', import.meta.url);

const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * Serves the inspector's page on 127.0.0.1, receives reports, and passes them on to the page.
 *
 * - Each request needs the random token. The host must be this machine's loopback address, and reports
 *   are accepted only from programs and pages of this machine.
 * - It keeps the latest entries, bounded in number and size. A page that reads slowly misses entries
 *   that have left the log; nothing is queued for the page.
 * - `close` leaves no socket and no timer.
 */
export class InspectorServer {
  readonly #server: Server;
  readonly #token: string;
  readonly #log: EntryLog;
  readonly #recording: string | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #pages = new Set<() => void>();
  /** The numbers of the pages that report with requests of `fetch`. */
  readonly #sources = new Map<string, number>();
  readonly #hosts: ReadonlySet<string>;
  #lastSource = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed: Promise<void> | undefined;
  /** The address of the page, with its token. Programs report to the same address. */
  readonly url: string;

  private constructor(server: Server, { recording, ...limits }: InspectorServerOptions) {
    this.#server = server;
    this.#token = randomBytes(16).toString('base64url');
    this.#log = new EntryLog(limits);
    this.#recording = recording;
    const { port } = server.address() as AddressInfo;
    this.#hosts = new Set(['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${port}`));
    this.url = `http://127.0.0.1:${port}/?token=${this.#token}`;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      response.on('error', () => {});
      request.on('error', () => {});
      this.#answer(request, response).catch((error: unknown) => {
        if (!response.headersSent) refuse(response, 500, String(error));
        else response.destroy();
      });
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Starts a server; it listens when the promise resolves. */
  static async start(options: InspectorServerOptions = {}): Promise<InspectorServer> {
    const { port } = options;
    try {
      return new InspectorServer(await listen(port ?? USUAL_PORT), options);
    } catch (error) {
      const isTaken = (error as { code?: string }).code === 'EADDRINUSE';
      if (port !== undefined || !isTaken) throw error;
      return new InspectorServer(await listen(0), options);
    }
  }

  /** The number of reported entries. */
  get reported(): number {
    return this.#log.next;
  }

  /** The number of open pages. */
  get pages(): number {
    return this.#pages.size;
  }

  /** Closes all connections, and resolves when none is left. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      clearTimeout(this.#timer);
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
    return this.#closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    // A page from elsewhere may have a host name that resolves to this machine.
    if (!this.#hosts.has(request.headers.host ?? '')) {
      return refuse(
        response,
        403,
        'The inspector only accepts the hosts 127.0.0.1 and localhost. Open the address that it printed.',
      );
    }
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const { pathname } = url;
    const isReport = pathname === '/report';
    if (!this.#isAllowed(request, isReport)) {
      return refuse(
        response,
        403,
        'The inspector only accepts requests from pages on this machine.',
      );
    }
    if (request.method !== (isReport ? 'POST' : 'GET')) {
      response.setHeader('allow', isReport ? 'POST' : 'GET');
      return refuse(response, 405, 'Method not allowed');
    }
    // The page's own code is public, as in the package.
    if (pathname === '/inspector.css') return send(response, 'text/css', CSS);
    if (/^\/(src|operators)(\/\w+)+\.js$/.test(pathname)) return sendModule(response, pathname);
    if (!this.#hasToken(url)) {
      return refuse(response, 403, 'Open the address that `npx claude-rx inspect` has printed.');
    }
    switch (pathname) {
      case '/':
        return send(response, 'text/html', html(this.#recording !== undefined));
      case '/report':
        return this.#takeReport(request, response, url);
      case '/entries':
        return this.#stream(request, response);
      case '/recording':
        return this.#sendRecording(response);
      default:
        return refuse(response, 404, 'Not found');
    }
  }

  #isAllowed({ headers }: IncomingMessage, isReport: boolean): boolean {
    const { origin } = headers;
    if (origin === undefined) return true;
    if (!isReport) return this.#hosts.has(origin.replace(/^http:\/\//, ''));
    return /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(origin);
  }

  #hasToken(url: URL): boolean {
    const given = Buffer.from(url.searchParams.get('token') ?? '');
    const token = Buffer.from(this.#token);
    return given.length === token.length && timingSafeEqual(given, token);
  }

  async #takeReport(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { origin } = request.headers;
    if (origin !== undefined) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('cross-origin-resource-policy', 'cross-origin');
    }
    const from = this.#sourceOf(url.searchParams.get('from'));
    const decoder = new StringDecoder('utf8');
    let rest = '';
    try {
      for await (const chunk of request) {
        const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
        rest = lines.pop()!;
        for (const line of lines) if (!this.#take(from, line)) return refuseLine(request, response);
        if (rest.length > LONGEST_LINE) return refuseLine(request, response);
      }
    } catch {
      return; // The program has ended, or was ended.
    }
    if (rest !== '' && !this.#take(from, rest)) return refuseLine(request, response);
    response.writeHead(204).end();
  }

  #sourceOf(name: string | null): number {
    const known = name === null ? undefined : this.#sources.get(name);
    if (known !== undefined) return known;
    const number = ++this.#lastSource;
    if (name !== null) this.#sources.set(name.slice(0, 50), number);
    if (this.#sources.size > 1_000) this.#sources.delete(this.#sources.keys().next().value!);
    return number;
  }

  #take(from: number, json: string): boolean {
    if (json.length > LONGEST_LINE) return false;
    const entry = parseRecord(json);
    if (typeof entry?.['type'] !== 'string') return false;
    this.#log.push({ from, type: entry['type'], id: entry['id'], json });
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const page of this.#pages) page();
    }, EVERY);
    return true;
  }

  /** Sends the kept entries, then new entries, as server-sent events with several entries each. */
  #stream(request: IncomingMessage, response: ServerResponse): void {
    const log = this.#log;
    const last = Number(request.headers['last-event-id'] ?? Number.NaN);
    let cursor = Number.isInteger(last) ? Math.min(Math.max(0, last), log.next) : 0;
    const write = (entries: readonly LoggedEntry[]) => {
      const data = entries.map(({ from, json }) => `[${from},${json}]`).join(',');
      return response.write(`id: ${cursor}\ndata: [${data}]\n\n`);
    };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 1000\n\n');
    if (cursor < log.first) write(log.beginnings);
    const page = () => {
      while (!response.writableNeedDrain && !response.destroyed && cursor < log.next) {
        const skipped = log.first - cursor;
        const entries = log.read(cursor, LARGEST_PART);
        cursor = Math.max(cursor, log.first) + entries.length;
        if (skipped > 0) {
          const json = JSON.stringify({ type: 'dropped', at: 0, count: skipped });
          write([{ from: 0, type: 'dropped', id: undefined, json }]);
        }
        write(entries);
      }
    };
    this.#pages.add(page);
    response.on('drain', page);
    response.on('close', () => this.#pages.delete(page));
    page();
  }

  #sendRecording(response: ServerResponse): void {
    if (this.#recording === undefined) return refuse(response, 404, 'No recording was opened.');
    response.setHeader('content-type', 'application/x-ndjson; charset=utf-8');
    const file = createReadStream(this.#recording);
    file.on('error', () => response.destroy());
    response.on('close', () => file.destroy());
    file.pipe(response);
  }
}

function listen(port: number): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 5_000, requestTimeout: 0 });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

async function sendModule(response: ServerResponse, pathname: string): Promise<void> {
  try {
    send(response, 'text/javascript', await readFile(new URL(`.${pathname}`, ROOT), 'utf8'));
  } catch {
    refuse(response, 404, 'Not found');
  }
}

function send(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function refuseLine(request: IncomingMessage, response: ServerResponse): void {
  refuse(response, 400, 'Each line must be a JSON object with a `type`, at most 64 KiB long.');
  response.once('finish', () => request.destroy());
}
