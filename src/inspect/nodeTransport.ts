import type { ClientRequest } from 'node:http';
import type { Transport } from './Transport.ts';

const process = globalThis.process as typeof globalThis.process | undefined;
const http = process?.getBuiltinModule?.('node:http');

/** The maximum milliseconds that a program waits at its end for the last lines to arrive. */
const LAST_WAIT = 500;
/** Milliseconds before reconnecting after a lost connection. */
const PAUSE = 1_000;

/**
 * Sends lines in the body of one long request, over a socket that does not keep the process alive;
 * `undefined` without Node.
 */
export const nodeTransport: ((url: URL) => Transport) | undefined =
  http && ((url) => new NodeTransport(url));

class NodeTransport implements Transport {
  readonly #url: URL;
  #request: ClientRequest | undefined;
  #isFull = false;
  #pauseUntil = 0;

  constructor(url: URL) {
    this.#url = url;
  }

  isReady(): boolean {
    return !this.#isFull && Date.now() >= this.#pauseUntil;
  }

  send(lines: string, hello: string): void {
    const request = this.#request ?? this.#open(hello);
    this.#isFull = !request.write(lines);
  }

  end(lines: string, hello: string, isLast: boolean): void {
    if (lines === '' && (!isLast || !this.#request)) return;
    if (!this.isReady()) return this.#request?.destroy() && undefined;
    const request = this.#request ?? this.#open(hello);
    if (!isLast) {
      // The program ends now: only data that the kernel accepts at once arrives.
      request.write(lines);
      request.socket?.uncork();
      return;
    }
    request.end(lines);
    const timer = setTimeout(() => request.destroy(), LAST_WAIT);
    request.once('close', () => clearTimeout(timer));
    if (request.socket) request.socket.ref();
    else request.once('socket', (socket) => socket.ref());
  }

  onEnd(ending: (isLast: boolean) => void): () => void {
    // Once before the exit, with time to wait; and at `process.exit()`, without.
    const atLeisure = () => ending(true);
    const atOnce = () => ending(false);
    process!.on('beforeExit', atLeisure);
    process!.on('exit', atOnce);
    return () => {
      process!.off('beforeExit', atLeisure);
      process!.off('exit', atOnce);
    };
  }

  #open(hello: string): ClientRequest {
    const request = http!.request(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      agent: false,
    });
    this.#request = request;
    request.once('socket', (socket) => socket.unref());
    request.on('drain', () => (this.#isFull = false));
    request.on('response', (response) => response.resume());
    request.on('error', () => (this.#pauseUntil = Date.now() + PAUSE));
    request.on('close', () => {
      if (this.#request === request) this.#request = undefined;
      this.#isFull = false;
    });
    request.write(hello);
    return request;
  }
}
