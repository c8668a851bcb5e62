import Anthropic from '@anthropic-ai/sdk';
import {
  fromMessages,
  fromResponse,
  MessageStreamError,
  messageTimeout,
  type StreamEvent,
} from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import { createRelay, fromRelay, relaySse } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import { getEventListeners, once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { inspect } from 'node:util';
import { defer, from, mergeMap, type Observable, take } from 'rxjs';
import { expect } from 'vitest';
import { z } from 'zod';
import { encodeEvent } from '../../src/sse/encodeEvent.ts';
import { RELAY_END } from '../../src/relay/offset.ts';
import { seeded } from './continuingModel.ts';
import { leftOver, resources } from './leftOver.ts';
import { TRANSPORT_FAULTS, type Wire } from './transportFaults.ts';

/** What happened, to be printed. */
export interface AttackTally {
  replies: number;
  /** How many requests reached the server. */
  requests: number;
  /** How often each ending was seen: `complete`, `left`, or the code of the error. */
  endings: Record<string, number>;
  /** The same for each entry point. */
  entries: Record<string, Record<string, number>>;
  faults: number;
  unhandledRejections: number;
  openSockets: number;
  openTimers: number;
  abortListeners: number;
  /** Milliseconds. */
  eventLoopDelay: { p99: number; max: number };
}

const KEY = 'sk-ant-secret-of-the-attack';
const TEXT = 'Grüße 👋🏽 und "Zeichen"\n\tin vielen Stücken. '.repeat(6);
const REPLY = [...messageEvents.thinking('Hm, hm.').text(TEXT, { chunk: 9 })];
const CALL = [...messageEvents.toolUse('look', { at: 'it' })];
const PARAMS = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};
const LIMITS = { maxFrameLength: 100_000 };
const AT_A_TIME = 24;
/** How long a stall is waited for, and how long any case may take, in milliseconds. */
const STALL = 40;
const PATIENCE = 60_000;

const FRAMES = REPLY.map((event) => encodeEvent(event));
/** The reply as a relay serves it: each frame has an offset, and the last one says that it is the last. */
const RELAYED = [...REPLY, { type: RELAY_END }].map(
  (event, n) => `id: a.${n}\n${encodeEvent(event)}`,
);

interface Case {
  readonly number: number;
  readonly fault: string;
  readonly random: () => number;
}

/** How long a reader waits for a sign of life, in milliseconds. */
function patience({ fault }: Case): number {
  const { stalls, ending } = TRANSPORT_FAULTS[fault]!;
  return stalls && ending !== 'whole' ? STALL : 2 * PATIENCE;
}

/** A server that answers each request as the case in its header `x-case` says. */
class AttackServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Those whose answer has no end. */
  readonly #unfinished = new Set<Socket>();
  readonly cases = new Map<number, Case>();
  requests = 0;

  constructor() {
    // The other side may close its half before this side does.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get unfinished(): number {
    return this.#unfinished.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    let text = '';
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#unfinished.delete(socket);
    });
    socket.setEncoding('latin1');
    socket.on('data', (data: unknown) => {
      text += String(data);
      for (;;) {
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = text.slice(0, end);
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        const body = text.slice(end + 4, end + 4 + length);
        text = text.slice(end + 4 + length);
        void this.#answer(socket, head, body);
      }
    });
  }

  async #answer(socket: Socket, head: string, body: string): Promise<void> {
    this.requests++;
    const { fault, random } = this.cases.get(Number(/x-case: (\d+)/i.exec(head)![1]))!;
    const after = /after=a.(\d+)/.exec(head)?.[1];
    const frames = head.startsWith('GET') ? RELAYED.slice(after ? Number(after) + 1 : 0) : FRAMES;
    const write = async (data: string | Buffer): Promise<void> => {
      if (socket.destroyed) return;
      socket.write(data);
      await new Promise((resolve) => setImmediate(resolve));
    };
    const wire: Wire = { frames, body: Buffer.from(frames.join('')), random, write, socket };
    // The first reply of a loop calls a tool.
    if (body.includes('"tools"') && !body.includes('tool_result')) {
      const frame = Buffer.from(CALL.map((event) => encodeEvent(event)).join(''));
      return TRANSPORT_FAULTS['one chunk']!.play({ ...wire, body: frame });
    }
    if (TRANSPORT_FAULTS[fault]!.stalls) this.#unfinished.add(socket);
    await TRANSPORT_FAULTS[fault]!.play(wire);
  }
}

const look = defineTool({
  name: 'look',
  description: 'Looks',
  input: z.object({ at: z.string() }),
  run: ({ at }) => `seen ${at}`,
});

type Entry = (of: Case) => Observable<{ type: string }>;

/** The ways into the package, for a server at `url`. */
async function entryPoints(url: string, signal: AbortSignal) {
  const client = new Anthropic({ apiKey: KEY, baseURL: url, maxRetries: 0, logLevel: 'off' });
  const headersOf = ({ number }: Case) => ({ 'x-case': String(number) });
  const messages = (of: Case, params: typeof PARAMS) =>
    fromMessages(client, params, {
      ...LIMITS,
      signal,
      request: { headers: headersOf(of) },
    }).pipe(messageTimeout({ liveness: patience(of) }));

  const relay = createRelay<StreamEvent>();
  const readers = relaySse(relay);
  const server = createHttpServer((request, response) => {
    readers.pipeToResponse(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const entries: Record<string, Entry> = {
    fromMessages: (of) => messages(of, PARAMS),
    fromResponse: (of) =>
      fromResponse(
        (aborted) =>
          fetch(url, { method: 'POST', body: '{}', headers: headersOf(of), signal: aborted }),
        { ...LIMITS, signal },
      ).pipe(messageTimeout({ liveness: patience(of) })),
    runTools: (of) =>
      runTools((params) => messages(of, params as typeof PARAMS), PARAMS, { tools: [look] }),
    Conversation: (of) =>
      defer(() => {
        const { messages: _, ...params } = PARAMS;
        const conversation = new Conversation(
          (sent) => messages(of, sent as typeof PARAMS),
          params,
        );
        return conversation.send('Hi');
      }),
    'a relay of a reply with a fault': (of) =>
      defer(async () => (await relay.publish(messages(of, PARAMS))).id).pipe(
        mergeMap((id) => fromRelay(`${relayUrl}/${id}`, { signal })),
      ),
    fromRelay: (of) =>
      fromRelay(url, {
        ...LIMITS,
        signal,
        count: 2,
        delay: 0,
        liveness: patience(of),
        fetch: (to, init) => fetch(to, { ...init, headers: { ...init.headers, ...headersOf(of) } }),
      }),
  };
  const close = async () => {
    await relay.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { entries, close };
}

/** Runs a reply to its end, or to where it is left, and checks that end. */
async function run(entry: Entry, one: Case): Promise<string> {
  const { ending } = TRANSPORT_FAULTS[one.fault]!;
  // One in ten leaves early.
  const stays = one.random() < 0.1 ? Math.floor(one.random() * 30) + 1 : Infinity;
  let text = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const outcome = await new Promise<unknown>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error('has no end')), PATIENCE);
    let count = 0;
    entry(one)
      .pipe(take(stays))
      .subscribe({
        next: (event) => {
          count++;
          const { delta } = event as { delta?: { type?: string; text?: string } };
          if (delta?.type === 'text_delta') text += delta.text;
        },
        complete: () => resolve(count === stays ? 'left' : 'complete'),
        error: resolve,
      });
  }).finally(() => clearTimeout(timer));

  if (ending !== 'any') expect(TEXT.startsWith(text)).toBe(true);
  if (outcome === 'left') return outcome;
  if (outcome === 'complete') {
    expect(ending).not.toMatch(/cut|failed/);
    if (ending === 'whole') expect(text).toBe(TEXT);
    return outcome;
  }
  expect(outcome).toBeInstanceOf(MessageStreamError);
  const error = outcome as MessageStreamError;
  if (ending === 'whole') throw new Error('fails though the reply is whole', { cause: error });
  // What is logged of an error can be made, and has no key in it.
  const shown = one.number % 10 === 0 ? inspect(error) : error.message;
  expect(shown + JSON.stringify(error)).not.toContain(KEY);
  expect(error.partial?.content ?? []).toBeInstanceOf(Array);
  return error.code;
}

/**
 * Reads `count` replies through all entry points, each with a fault, and checks how each ends. Throws
 * an error that lists those that do not end as they should.
 */
export async function attack(count: number): Promise<AttackTally> {
  const before = resources();
  const faults = Object.keys(TRANSPORT_FAULTS);
  const tally: AttackTally = {
    replies: count,
    requests: 0,
    endings: {},
    entries: {},
    faults: faults.length,
    unhandledRejections: 0,
    openSockets: 0,
    openTimers: 0,
    abortListeners: 0,
    eventLoopDelay: { p99: 0, max: 0 },
  };
  const onRejection = () => void tally.unhandledRejections++;
  process.on('unhandledRejection', onRejection);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const server = new AttackServer();
  const url = await server.listen();
  const service = new AbortController();
  const { entries, close } = await entryPoints(url, service.signal);
  const names = Object.keys(entries);
  const failures: string[] = [];
  const runCase = async (number: number): Promise<void> => {
    const random = seeded(number + 1);
    const fault = faults[number % faults.length]!;
    // All faults come with all entry points, in turns.
    const name = names[(number + Math.floor(number / faults.length)) % names.length]!;
    const one: Case = { number, fault, random };
    server.cases.set(number, one);
    try {
      const ending = await run(entries[name]!, one);
      tally.endings[ending] = (tally.endings[ending] ?? 0) + 1;
      const own = (tally.entries[name] ??= {});
      own[ending] = (own[ending] ?? 0) + 1;
    } catch (error) {
      failures.push(`${name}, ${fault}, case ${number}: ${inspect(error)}`);
    }
  };
  try {
    const all = Array.from({ length: count }, (_, number) => number);
    await new Promise<void>((resolve, reject) => {
      from(all).pipe(mergeMap(runCase, AT_A_TIME)).subscribe({ complete: resolve, error: reject });
    });
    // What a reader gave up is closed by its client, not by the server.
    for (let turn = 0; turn < 2_000 && server.unfinished > 0; turn++) await pause();
    tally.openSockets = server.unfinished;
    tally.requests = server.requests;
    tally.abortListeners = getEventListeners(service.signal, 'abort').length;
  } finally {
    await close();
    await server.close();
    delay.disable();
    for (let turn = 0; turn < 500 && leftOver(before).length > 0; turn++) await pause();
    process.off('unhandledRejection', onRejection);
  }
  if (failures.length > 0) throw new Error(failures.slice(0, 20).join('\n'));
  tally.openSockets += leftOver(before).filter((name) => name.includes('TCP')).length;
  tally.openTimers = leftOver(before).filter((name) => name.includes('Timeout')).length;
  tally.eventLoopDelay = {
    p99: Math.round(delay.percentile(99) / 1e6),
    max: Math.round(delay.max / 1e6),
  };
  return tally;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
