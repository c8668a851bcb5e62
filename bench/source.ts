// From the bytes of a response to a subscriber: `fromResponse` beside the SDK's own stream and the
// floor under both (decode, split, JSON.parse), interleaved in one process, as medians.
import { Stream } from '@anthropic-ai/sdk/streaming';
import { VERSION } from '@anthropic-ai/sdk/version';
import { finalMessage, fromResponse, type StreamEvent, textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { cpus } from 'node:os';
import { lastValueFrom } from 'rxjs';
import { encodeEvent } from '../src/sse/encodeEvent.ts';

const DELTAS = 20_000;
const ROUNDS = 30;
const WARM_UP = 8;

type Contender = (response: Response) => Promise<unknown>;

const contenders: Record<string, Contender> = {
  'floor: decode + split + JSON.parse': async (response) => {
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    let last: unknown;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return last;
      const frames = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = frames.pop()!;
      for (const frame of frames) last = JSON.parse(frame.slice(frame.indexOf('data: ') + 6));
    }
  },
  "the SDK's Stream": async (response) => {
    let last: unknown;
    const stream = Stream.fromSSEResponse<StreamEvent>(response, new AbortController());
    for await (const event of stream) last = event;
    return last;
  },
  fromResponse: (response) => lastValueFrom(fromResponse(response)),
  'fromResponse, textOnly': (response) => lastValueFrom(fromResponse(response).pipe(textOnly())),
  'fromResponse, finalMessage': (response) =>
    lastValueFrom(fromResponse(response).pipe(finalMessage())),
};

const frames = [...messageEvents.text('word '.repeat(DELTAS), { chunk: 5 })].map((event) =>
  encodeEvent(event),
);
const bytes = new TextEncoder().encode(frames.join(''));
const scenarios: Record<string, Uint8Array[]> = {
  '16 KB a chunk': Array.from({ length: Math.ceil(bytes.length / 16_384) }, (_, index) =>
    bytes.subarray(index * 16_384, (index + 1) * 16_384),
  ),
  'one event a chunk': frames.map((frame) => new TextEncoder().encode(frame)),
};

function respond(chunks: readonly Uint8Array[]): Response {
  let index = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (index < chunks.length) controller.enqueue(chunks[index++]!);
      else controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

console.log(
  `${frames.length} events, ${(bytes.length / 1e6).toFixed(1)} MB, medians of ${ROUNDS} rounds; ` +
    `Node ${process.version}, SDK ${VERSION}, ${cpus().length} x ${cpus()[0]?.model}`,
);
for (const [scenario, chunks] of Object.entries(scenarios)) {
  const times = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const began = performance.now();
      await run(respond(chunks));
      if (round >= 0) times.get(name)!.push(performance.now() - began);
    }
  }
  const raw = median(times.get("the SDK's Stream")!);
  console.log(`\n${scenario.padEnd(40)}median ms   against the SDK's Stream`);
  for (const [name, values] of times) {
    const time = median(values);
    console.log(`${name.padEnd(40)}${time.toFixed(1).padStart(9)}   ${(time / raw).toFixed(2)}`);
  }
}
