// A reply as frames of the AI SDK's UI message stream, beside the frames of `toSse`, and beside the AI SDK
// itself: `streamText().pipeUIMessageStreamToResponse` with a model that has all its parts at once. All is
// interleaved in one process; medians of CPU time. Exits with 1 if the target is missed.
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { streamText } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { from, lastValueFrom, type Observable, toArray } from 'rxjs';
import { toSse } from '../operators/toSse.ts';
import type { StreamEvent } from '../src/message/StreamEvent.ts';
import { messageEvents } from '../src/testing/messageEvents.ts';
import { toUiMessages } from '../src/bridges/ui/toUiMessages.ts';
import { UI_MESSAGE_SSE } from '../src/bridges/ui/uiMessageSse.ts';

const DELTAS = 20_000;
const ROUNDS = 15;
const WARM_UP = 5;
/** At most so many times the time of `toSse`. */
const TARGET = 1.3;

const text = 'the quick brown fox jumps over a lazy dog. '.repeat(DELTAS / 4).slice(0, DELTAS * 8);
const events = Array.from(messageEvents.text(text, { chunk: 8 })) as StreamEvent[];
const { cut: _, ...config } = UI_MESSAGE_SSE;
const chunks = Array.from({ length: DELTAS }, (_, index) => text.slice(index * 8, index * 8 + 8));

const frames = (frames$: Observable<string>) => lastValueFrom(frames$.pipe(toArray()));

const contenders: Record<string, () => Promise<unknown>> = {
  toSse: () => frames(from(events).pipe(toSse({ heartbeat: Infinity }))),
  'toUiMessages, toSse': () =>
    frames(from(events).pipe(toUiMessages(), toSse({ ...config, heartbeat: Infinity }))),
  'AI SDK pipeUIMessageStreamToResponse': () => {
    const response = new Sink();
    streamText({ model: model(), prompt: 'Hi' }).pipeUIMessageStreamToResponse(
      response as unknown as ServerResponse,
    );
    return response.ended;
  },
};

/** Takes all that is written, and keeps nothing. */
class Sink extends EventEmitter {
  #end!: () => void;
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));
  setHeaders(): this {
    return this;
  }
  writeHead(): this {
    return this;
  }
  write(): boolean {
    return true;
  }
  end(): void {
    this.#end();
  }
}

function model(): MockLanguageModelV4 {
  const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
  const parts = [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: '0' },
    ...chunks.map((delta) => ({ type: 'text-delta', id: '0', delta })),
    { type: 'text-end', id: '0' },
    { type: 'finish', finishReason: { unified: 'stop', raw: 'end_turn' }, usage },
  ];
  const stream = new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
  return new MockLanguageModelV4({ doStream: async () => ({ stream }) as never });
}

const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(contenders)) {
    // It takes long, and needs no warm-up to be compared with.
    if (name.startsWith('AI') && (round < -1 || round !== 0)) continue;
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) times.get(name)!.push((user + system) / 1_000);
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const base = median(times.get('toSse')!);
for (const [name, values] of times) {
  const time = median(values);
  console.log(`${name.padEnd(40)} ${time.toFixed(1).padStart(7)} ms  ${(time / base).toFixed(2)}`);
}
const ratio = median(times.get('toUiMessages, toSse')!) / base;
if (ratio > TARGET) {
  console.log(`toUiMessages takes ${ratio.toFixed(2)} of toSse; at most ${TARGET} is wanted`);
  process.exitCode = 1;
}
