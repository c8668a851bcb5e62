// What bridges cost: the events of a reply to frames, by `toSse`, through each bridge, and by the AI SDK
// itself: `streamText().pipeUIMessageStreamToResponse` with a model that has all its parts at once. The
// contenders take turns in one process; compared are the medians of their CPU time for a delta, since the
// AI SDK would take seconds for a long reply. Exits with 1 if a
// bridge costs more than 1.3 of `toSse`.
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { streamText } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { count, from, lastValueFrom, type Observable } from 'rxjs';
import { AG_UI_SSE, toAgUi } from '../src/bridges/ag-ui/index.ts';
import { toUiMessages, UI_MESSAGE_SSE } from '../src/bridges/ui/index.ts';
import { toSse } from '../src/index.ts';
import { messageEvents } from '../src/testing/index.ts';
import { interleave, median } from './measure.ts';

const DELTAS = 20_000;
const AI_SDK_DELTAS = 1_000;
const WARM_UP = 5;
const ROUNDS = 25;
/** At most so many times the time of `toSse`. */
const TARGET = 1.3;

const pieces = Array.from({ length: DELTAS }, (_, index) => `word ${1_000 + (index % 9_000)}, `);
const events = [...messageEvents.text(pieces.join(''), { chunk: pieces[0]!.length })];
const run = {
  threadId: 'thread',
  runId: '4f1d7a52-6c43-4be7-9e0f-5f2f5f0f1c11',
  messages: [{ id: 'user', role: 'user' as const, content: 'Write.' }],
};

/** Takes all that is written, and keeps nothing. */
class Sink extends EventEmitter {
  writes = 0;
  #end!: () => void;
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));
  setHeaders(): this {
    return this;
  }
  writeHead(): this {
    return this;
  }
  write(): boolean {
    this.writes++;
    return true;
  }
  end(): void {
    this.#end();
  }
}

/** The AI SDK with the first of the deltas; it writes them, and some other frames. */
async function aiSdk(): Promise<number> {
  const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
  const parts = [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: '0' },
    ...pieces.slice(0, AI_SDK_DELTAS).map((delta) => ({ type: 'text-delta', id: '0', delta })),
    { type: 'text-end', id: '0' },
    { type: 'finish', finishReason: { unified: 'stop', raw: 'end_turn' }, usage },
  ];
  const stream = new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
  const model = new MockLanguageModelV4({ doStream: async () => ({ stream }) as never });
  const response = new Sink();
  streamText({ model, prompt: 'Write.' }).pipeUIMessageStreamToResponse(
    response as unknown as ServerResponse,
  );
  await response.ended;
  return response.writes;
}

const { cut: _, ...uiSse } = UI_MESSAGE_SSE;
const { cut: __, ...agUiSse } = AG_UI_SSE;
const heartbeat = Infinity;
const frames: Record<string, () => Observable<string>> = {
  toSse: () => from(events).pipe(toSse({ heartbeat })),
  'toUiMessages, toSse': () => from(events).pipe(toUiMessages(), toSse({ ...uiSse, heartbeat })),
  'toAgUi, toSse': () => from(events).pipe(toAgUi(run), toSse({ ...agUiSse, heartbeat })),
};
const ours = await Promise.all(
  Object.entries(frames).map(async ([name, made]) => {
    const total = () => lastValueFrom(made().pipe(count()));
    return [name, { run: total, expected: await total() }] as const;
  }),
);
const theirs = { run: aiSdk, expected: await aiSdk(), most: 9 };
const measured = await interleave(
  { ...Object.fromEntries(ours), 'AI SDK, pipeUIMessageStreamToResponse': theirs },
  ROUNDS,
  WARM_UP,
);

const versions = ['ai', '@ag-ui/core', 'rxjs'].map((name) => {
  const path = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return `${name} ${(JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version}`;
});
console.log(`Node.js ${process.versions.node}, ${versions.join(', ')}; CPU time for a delta`);
const medians = measured.map(
  ({ cpu }, index) => median(cpu) / (index < ours.length ? DELTAS : AI_SDK_DELTAS),
);
for (const [index, { name }] of measured.entries()) {
  const ratio = medians[index]! / medians[0]!;
  const time = (medians[index]! * 1_000).toFixed(2).padStart(7);
  console.log(`${name.padEnd(40)}${time} µs, ${ratio.toFixed(2)} of toSse`);
  if (index < ours.length && ratio > TARGET) process.exitCode = 1;
}
