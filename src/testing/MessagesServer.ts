/// <reference lib="esnext.disposable" preserve="true" />
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { immediateReply } from './immediateReply.ts';
import { MessageEvents } from './messageEvents.ts';
import { httpError } from './httpError.ts';
import { playReply, unstreamed } from './playReply.ts';
import type { Outcome, ReceivedRequest, RequestState } from './ReceivedRequest.ts';
import { checkedReply, type CheckedReply, type Reply } from './Reply.ts';
import { remembered, SaidBefore } from './SaidBefore.ts';
import { RateLimiter, type ServerLimits } from './RateLimiter.ts';
import { orAborted } from './waiting.ts';

export interface MessagesServerOptions {
  /** The port. Default: any free port. */
  port?: number;
  /**
   * Whether to refuse each request that the API would refuse, with the API's message: turns that do not
   * alternate, calls without results, changed thinking, and so on. Default: `false`, so that a test may
   * send a short request.
   */
  strict?: boolean;
  /**
   * Rate limits per minute, each a token bucket as in the API: `{ requests: 50, inputTokens: 30_000 }`.
   * Every reply has the headers `anthropic-ratelimit-*`; a request over a limit gets 429 with
   * `retry-after`. Default: no limits.
   */
  limits?: ServerLimits;
}

/** Computes the reply to a request; `index` is the index of the request in `requests`. */
export type ReplyHandler = (request: ReceivedRequest, index: number) => Reply | Promise<Reply>;

/**
 * An HTTP server on 127.0.0.1 that implements the Messages API and sends the replies of a test.
 *
 * - `POST /v1/messages` (also `?beta=true`) gets the queued replies in order, then the replies that
 *   `handle` computes: as SSE for a request with `stream: true`, else as one JSON message.
 * - Invalid requests get 400 or 404, as from the API: with `strict` all that the API would refuse, else
 *   only requests that cannot get a reply. If there is no reply, the server answers 500 with a message,
 *   and tells the SDK not to retry.
 * - `POST /v1/messages/count_tokens` counts one token for each 4 characters of JSON.
 * - It sends no faster than the client reads, and stops as soon as the client has closed the connection.
 * - `close` leaves no socket and no timer.
 *
 * It needs Node; importing this module does not.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, textOnly } from 'claude-rx';
 * import { messageEvents, MessagesServer } from 'claude-rx/testing';
 * import { catchError, lastValueFrom, of, toArray } from 'rxjs';
 *
 * const server = await MessagesServer.start();
 * server.reply({
 *   events: messageEvents.text('Hello world', { chunk: 5 }),
 *   fault: { kind: 'rst', beforeEvent: 4 },
 * });
 *
 * const client = new Anthropic({ apiKey: 'test', baseURL: server.url });
 * const params = { model: 'claude-opus-5-5', max_tokens: 100, messages: [] };
 * const texts = fromMessages(client, params).pipe(
 *   textOnly(),
 *   catchError((error) => of(error.code)),
 *   toArray(),
 * );
 * console.log(await lastValueFrom(texts)); // 'Hello', ' worl', 'connection'
 * console.log(server.requests[0]?.eventsSent); // 4
 * await server.close();
 * ```
 */
export class MessagesServer {
  /** The `baseURL` for the client, such as `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly #server: Server;
  /** The replies that it has sent, if it is strict. */
  readonly #said: SaidBefore | undefined;
  readonly #limiter: RateLimiter | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #requests: RequestState[] = [];
  readonly #inFlight = new Map<AbortController, Promise<Outcome>>();
  readonly #queue: CheckedReply[] = [];
  #handler: ReplyHandler | undefined;
  #arrived = 0;
  /** The number of replies of `messageEvents` so far. */
  #replies = 0;
  #socketsOpened = 0;
  #closed: Promise<void> | undefined;

  private constructor(server: Server, strict: boolean, limiter: RateLimiter | undefined) {
    this.#server = server;
    this.#said = strict ? new SaidBefore() : undefined;
    this.#limiter = limiter;
    const address = server.address();
    this.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
    server.on('request', (incoming, response) => void this.#serve(incoming, response));
    server.on('connection', (socket: Socket) => {
      this.#socketsOpened++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Starts a server; it listens when the promise resolves. */
  static async start({
    port = 0,
    strict = false,
    limits,
  }: MessagesServerOptions = {}): Promise<MessagesServer> {
    const http = globalThis.process?.getBuiltinModule?.('node:http');
    if (http === undefined) throw new Error('MessagesServer needs Node, 20.16 or later');
    const limiter = limits && new RateLimiter(limits);
    // The server has no timeouts, because they would interfere with those under test.
    const server = http.createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new MessagesServer(server, strict, limiter);
  }

  /** The received requests, in order. A request is added as soon as its body has been read. */
  get requests(): readonly ReceivedRequest[] {
    return this.#requests;
  }

  /** The number of open connections. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** The number of connections so far: fewer than requests if connections were reused. */
  get socketsOpened(): number {
    return this.#socketsOpened;
  }

  /**
   * Queues replies, one for each request.
   *
   * @throws TypeError for an invalid reply; the message says what is wrong.
   */
  reply(...replies: Reply[]): this {
    this.#queue.push(...replies.map(checkedReply));
    return this;
  }

  /**
   * Sets the function that computes the reply when none is queued. If `handler` throws or returns an
   * invalid reply, the server answers 500 with the error's message.
   */
  handle(handler: ReplyHandler): this {
    if (typeof handler !== 'function') {
      throw new TypeError(`MessagesServer.handle: pass a function, got ${typeof handler}`);
    }
    this.#handler = handler;
    return this;
  }

  /** Resolves when no request is in flight. */
  async idle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight.values());
  }

  /** Closes all connections, stops all replies, and resolves when none is left. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const sockets = [...this.#sockets].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()).destroy()),
    );
    for (const controller of this.#inFlight.keys()) controller.abort();
    await Promise.all([closed, ...sockets, this.idle()]);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    response.on('close', () => controller.abort());
    // A client that has closed the connection is not an error here.
    response.on('error', () => controller.abort());
    let finish!: (outcome: Outcome) => void;
    const finished = new Promise<Outcome>((resolve) => (finish = resolve));
    this.#inFlight.set(controller, finished);

    const state = received(incoming, `req_${++this.#arrived}`, finished);
    state.body = await readBody(incoming);
    const index = this.#requests.push(state) - 1;
    let outcome: Outcome;
    try {
      outcome = await this.#answer(state, index, response, signal);
    } catch (error) {
      state.error = error;
      outcome = await failed(error, state, response, signal);
    }
    state.outcome = outcome === 'client-left' && this.#closed ? 'faulted' : outcome;
    this.#inFlight.delete(controller);
    finish(state.outcome);
  }

  async #answer(
    state: RequestState,
    index: number,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<Outcome> {
    response.setHeader('request-id', state.id);
    let reply =
      immediateReply(state, this.#said) ??
      this.#limiter?.refusal(state.body) ??
      this.#queue.shift() ??
      (await this.#compute(state, index, signal));
    if (reply === undefined) return 'client-left';
    if (reply.events instanceof MessageEvents) {
      reply = { ...reply, events: reply.events.numbered(++this.#replies) };
    }
    const limited = this.#limiter?.limited(reply, state.body) ?? reply;
    const known = this.#said ? remembered(limited, this.#said, state.body) : limited;
    const whole = state.body?.stream === true ? known : await unstreamed(known, signal);
    return playReply(response, withRequestId(whole, state.id), state, signal);
  }

  async #compute(
    state: RequestState,
    index: number,
    signal: AbortSignal,
  ): Promise<CheckedReply | undefined> {
    if (this.#handler === undefined) {
      throw new Error(
        `MessagesServer has no reply for request ${index + 1}: queue one with reply(), or set handle()`,
      );
    }
    const reply = await orAborted(Promise.resolve(this.#handler(state, index)), signal);
    return signal.aborted ? undefined : checkedReply(reply as Reply);
  }
}

function received(incoming: IncomingMessage, id: string, finished: Promise<Outcome>): RequestState {
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: Object.fromEntries(headers),
    body: undefined,
    id,
    eventsSent: 0,
    bytesSent: 0,
    outcome: 'pending',
    finished,
    error: undefined,
  };
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  let text = '';
  try {
    for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** An error body has the request id, as in the API. */
function withRequestId(reply: CheckedReply, id: string): CheckedReply {
  const body = reply.body as { type?: unknown; request_id?: unknown } | undefined;
  if (body?.type !== 'error' || body.request_id !== undefined) return reply;
  return { ...reply, body: { ...body, request_id: id } };
}

/** An error of the test itself: sent to the client if that is possible, else the stream is cut off. */
async function failed(
  error: unknown,
  state: RequestState,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<Outcome> {
  if (response.headersSent) {
    response.destroy();
    return 'faulted';
  }
  const message = error instanceof Error ? error.message : String(error);
  const reply = httpError(500, { message, headers: { 'x-should-retry': 'false' } });
  return playReply(response, withRequestId(checkedReply(reply), state.id), state, signal);
}
