// What tracing costs for a reply of 20,000 deltas: the SDK's own span of the request, kept truthful, and
// that of `traceMessage`, with a recording tracer. The SDK client reads it from memory, in chunks as a
// socket gives them. The contenders take turns in one process; compared are the medians of their
// CPU time. Exits with 1 if tracing costs more than a tenth.
import Anthropic from '@anthropic-ai/sdk';
import * as otel from '@opentelemetry/api';
import {
  BatchSpanProcessor,
  InMemorySpanExporter,
  NodeTracerProvider,
} from '@opentelemetry/sdk-trace-node';
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { count, lastValueFrom } from 'rxjs';
import { fromMessages, type StreamEvent, textOnly } from '../src/index.ts';
import { traceMessage } from '../src/telemetry/index.ts';
import { interleave, median } from './measure.ts';
import { chunksOf, makeReply, respond } from './replies.ts';

const WARM_UP = 10;
const ROUNDS = 60;
const MOST = 1.1;

const spanProcessors = [new BatchSpanProcessor(new InMemorySpanExporter())];
new NodeTracerProvider({ spanProcessors }).register();

const chunks = chunksOf(makeReply('text, ASCII'), 4_096);
const fetch = async (): Promise<Response> => respond(chunks);
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

const measured = await interleave(
  Object.fromEntries(
    Object.entries(contenders).map(([name, reply]) => [
      name,
      { run: () => lastValueFrom(reply().pipe(count())), expected: 20_000 },
    ]),
  ),
  ROUNDS,
  WARM_UP,
);
const versions = ['@anthropic-ai/sdk', '@opentelemetry/sdk-trace-node', 'rxjs'].map((name) => {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return `${name} ${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`;
});
console.log(`Node ${process.version}, ${versions.join(', ')}`);
console.log(`${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]!.toFixed(1)}`);
console.log(`20,000 deltas, ${ROUNDS} rounds in turns, medians:`);
const medians = measured.map(({ cpu }) => median(cpu));
const ratios = medians.map((time) => time / medians[0]!);
for (const [index, { name }] of measured.entries()) {
  const time = medians[index]!.toFixed(1).padStart(6);
  console.log(`${name.padEnd(16)}${time} ms of CPU, ${ratios[index]!.toFixed(3)} of untraced`);
}
await Promise.all(spanProcessors.map((processor) => processor.shutdown()));
if (Math.max(...ratios) > MOST) process.exitCode = 1;
