// What tracing costs for a reply of 20,000 events: the SDK's own span of the request, kept truthful, and
// that of `traceMessage`, with a recording tracer. The SDK client reads it from memory, in chunks as a
// socket gives them. The contenders take turns in one process; compared are the lower quartiles of their
// CPU time. Exits with 1 if tracing costs more than a tenth.
import Anthropic from '@anthropic-ai/sdk';
import * as otel from '@opentelemetry/api';
import {
  BatchSpanProcessor,
  InMemorySpanExporter,
  NodeTracerProvider,
} from '@opentelemetry/sdk-trace-node';
import { lastValueFrom } from 'rxjs';
import { fromMessages, type StreamEvent, textOnly } from '../src/index.ts';
import { encodeEvent } from '../src/sse/encodeEvent.ts';
import { traceMessage } from '../src/telemetry/index.ts';
import { messageEvents } from '../src/testing/index.ts';

const EVENTS = 20_000;
const WARM_UP = 10;
const ROUNDS = 60;
const MOST = 1.1;
const EVENTS_OF_A_CHUNK = 40;

const spanProcessors = [new BatchSpanProcessor(new InMemorySpanExporter())];
new NodeTracerProvider({ spanProcessors }).register();

const text = 'A word or two. '.repeat(EVENTS);
const frames = Array.from(messageEvents.text(text, { chunk: 15 }), (event) => encodeEvent(event));
const encoder = new TextEncoder();
const chunks: Uint8Array[] = [];
for (let index = 0; index < frames.length; index += EVENTS_OF_A_CHUNK) {
  chunks.push(encoder.encode(frames.slice(index, index + EVENTS_OF_A_CHUNK).join('')));
}

const fetch = (): Promise<Response> => {
  let next = 0;
  const body = new ReadableStream({
    pull: (controller) => {
      if (next < chunks.length) controller.enqueue(chunks[next++]);
      else controller.close();
    },
  });
  return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
};
const client = new Anthropic({ apiKey: 'none', fetch });
const untraced = new Anthropic({ apiKey: 'none', fetch, openTelemetry: false });

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Write.' }],
};
const trace = traceMessage<StreamEvent>(otel, { model: params.model });
const contenders = {
  untraced: () => fromMessages(untraced, params).pipe(textOnly()),
  "the SDK's span": () => fromMessages(client, params).pipe(textOnly()),
  traceMessage: () => fromMessages(untraced, params).pipe(trace, textOnly()),
  both: () => fromMessages(client, params).pipe(trace, textOnly()),
};

const replies = Object.values(contenders);
const times = Object.keys(contenders).map((): number[] => []);
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const turn of replies.keys()) {
    const index = (turn + round + WARM_UP) % replies.length;
    const before = process.cpuUsage();
    await lastValueFrom(replies[index]!());
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) times[index]!.push((user + system) / 1_000);
  }
}

const quartiles = times.map((all) => all.toSorted((one, other) => one - other)[ROUNDS >> 2]!);
const ratios = quartiles.map((time) => time / quartiles[0]!);
for (const [index, name] of Object.keys(contenders).entries()) {
  const time = quartiles[index]!.toFixed(1).padStart(6);
  console.log(`${name.padEnd(16)}${time} ms of CPU, ${ratios[index]!.toFixed(3)} of untraced`);
}
await Promise.all(spanProcessors.map((processor) => processor.shutdown()));
if (Math.max(...ratios) > MOST) process.exitCode = 1;
