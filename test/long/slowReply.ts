import { fork } from 'node:child_process';
import type { StreamEvent } from 'claude-rx';
import { messageEvents, MessagesServer } from 'claude-rx/testing';

/** 64 MB of events. */
export const COUNT = 1_000;
const SIZE = 65_536;
/** For each of them, in milliseconds. */
export const WORK = 5;

export const modes = [
  'fromMessages, valve.concatMap',
  'fromMessages, concatMap',
  "for await of the SDK's messages.stream()",
] as const;
export type Mode = (typeof modes)[number];

/** What a consumer tells while it consumes. */
export interface Progress {
  count: number;
}

/** What a consumer tells at its end: milliseconds, and bytes more than at its start. */
export interface Figures extends Progress {
  isInOrder: boolean;
  took: number;
  /** The most memory that the process took. */
  rss: number;
  /** The most that it held. */
  live: number;
}

export interface Run extends Figures {
  /** When the server had sent the whole reply. */
  sentAfter: number;
  /** For how long the server could not send anything. */
  stalled: number;
  /** How far the server was ahead of the consumer at most, in bytes. */
  ahead: number;
}

const filler = 'x'.repeat(SIZE);
export const pieceOf = (index: number): string => `${index} ${filler}`.slice(0, SIZE);

/** A reply of `count` large events, made one by one. */
function* large(count: number): Generator<StreamEvent> {
  const [start, blockStart, ...end] = [...messageEvents.text('')];
  yield start!;
  yield blockStart!;
  for (let index = 0; index < count; index++) {
    const delta = { type: 'text_delta' as const, text: pieceOf(index) };
    yield { type: 'content_block_delta', index: 0, delta };
  }
  yield* end;
}

/** Lets a process of its own consume the reply of a server in this one, and measures both. */
export async function slowReply(mode: Mode): Promise<Run> {
  const server = await MessagesServer.start();
  server.reply({ events: large(100) }, { events: large(COUNT) });
  const consumer = fork(new URL('./slowConsumer.ts', import.meta.url), [mode, server.url], {
    execArgv: ['--expose-gc', '--import', 'tsx'],
  });
  let figures: Figures | undefined;
  let consumed = 0;
  consumer.on('message', (message: Progress | Figures) => {
    consumed = message.count;
    if ('took' in message) figures = message;
  });
  const left = new Promise((resolve) => consumer.on('exit', resolve));

  const run = { sentAfter: 0, stalled: 0, ahead: 0 };
  let sent = 0;
  let began: number | undefined;
  let last = 0;
  const watch = (): void => {
    const request = server.requests[1];
    if (request === undefined) return;
    const now = performance.now();
    began ??= now;
    if (request.outcome === 'pending') {
      run.sentAfter = now - began;
      if (request.bytesSent === sent) run.stalled += now - last;
    }
    run.ahead = Math.max(run.ahead, request.bytesSent - consumed * SIZE);
    sent = request.bytesSent;
    last = now;
  };
  const watching = setInterval(watch, 10);
  const code = await left;
  clearInterval(watching);
  await server.close();
  if (figures === undefined) throw new Error(`The consumer ended with ${String(code)}`);
  return { ...figures, ...run };
}

const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`.padStart(11);
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`.padStart(11);

/** The runs, one a line. */
export function table(runs: readonly (readonly [Mode, Run])[]): string {
  const titles = ['took', 'sent after', 'stalled', 'ahead', 'RSS grew', 'held', 'in order'];
  const head = titles.map((title) => title.padStart(11)).join('');
  const lines = runs.map(([mode, { took, sentAfter, stalled, ahead, rss, live, ...rest }]) => {
    const figures = [took, sentAfter, stalled].map(seconds).join('');
    const bytes = [ahead, rss, live].map(megabytes).join('');
    return `${mode.padEnd(42)}${figures}${bytes}${String(rest.isInOrder).padStart(11)}`;
  });
  const what = `${COUNT} events of ${SIZE / 1024} KB, ${WORK} ms of work for each`;
  return [what, `${''.padEnd(42)}${head}`, ...lines].join('\n');
}
