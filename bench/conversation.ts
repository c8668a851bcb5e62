// What a turn of a Conversation and a delta of it cost after 0 to 10,000 turns: with and without a
// subscriber of `state$`, and with images in the history; what saving costs, and the memory of many
// conversations. The replies come from a function, so that none of it is the SDK's or the network's.
// Medians of CPU time in one process; beside it the AI SDK's `readUIMessageStream` with the same
// deltas. `node --expose-gc` for the memory.
import { readUIMessageStream, type UIMessageChunk } from 'ai';
import { cpus } from 'node:os';
import { ReadableStream } from 'node:stream/web';
import { from, lastValueFrom } from 'rxjs';
import { Conversation, type ConversationParams } from '../src/conversation/index.ts';
import type { StreamEvent } from '../src/index.ts';
import { messageEvents } from '../src/testing/index.ts';

const ROUNDS = 9;
const DELTAS = 3_000;
const words = 'word '.repeat(DELTAS);
const long = [...messageEvents.text(words, { chunk: 5 })];
const short = [...messageEvents.text('word '.repeat(20), { chunk: 5 })];
const image = Buffer.alloc(3e6, 7).toString('base64');

type Message = NonNullable<ConversationParams['messages']>[number];

function history(turns: number): Message[] {
  return Array.from({ length: turns }, (_, turn): Message[] => [
    { role: 'user', content: `question ${turn}` },
    { role: 'assistant', content: 'answer '.repeat(50) + turn },
  ]).flat();
}

/** Each image is encoded anew, as where it comes from a request: no string is shared. */
function images(count: number): Message[] {
  return Array.from({ length: count }, (_, index): Message[] => [
    {
      role: 'user',
      content: [
        {
          type: 'image',
          source: { type: 'base64', media_type: 'image/png', data: `${index}${image.slice(1)}` },
        },
      ],
    },
    { role: 'assistant', content: 'An image.' },
  ]).flat();
}

function talk(events: readonly StreamEvent[], messages: Message[]): Conversation {
  return new Conversation(() => from(events), {
    model: 'claude-opus-5-5',
    max_tokens: 1_000,
    messages,
  });
}

const send = (conversation: Conversation) => lastValueFrom(conversation.send('and?'));

async function cpu(run: () => unknown): Promise<number> {
  const began = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
}

/** The median of the CPU time of each of some runs, in milliseconds; the first does not count. */
async function median(run: () => unknown): Promise<number> {
  await run();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await cpu(run));
  return times.toSorted((one, other) => one - other)[ROUNDS >> 1]!;
}

/** Reads the deltas of a reply as the AI SDK does for a chat in a page. */
async function readWithAiSdk(): Promise<void> {
  const chunks: UIMessageChunk[] = [
    { type: 'start', messageId: 'm' },
    { type: 'text-start', id: 't' },
    ...Array.from({ length: DELTAS }, (): UIMessageChunk => ({
      type: 'text-delta',
      id: 't',
      delta: 'word ',
    })),
    { type: 'text-end', id: 't' },
    { type: 'finish' },
  ];
  for await (const message of readUIMessageStream({
    stream: ReadableStream.from(chunks) as never,
  })) {
    void message.parts.length;
  }
}

function show(name: string, milliseconds: number, deltas?: number): void {
  const each = deltas ? `, ${((milliseconds * 1_000) / deltas).toFixed(2)} µs a delta` : '';
  console.log(`${name.padEnd(64)} ${milliseconds.toFixed(2).padStart(9)} ms${each}`);
}

console.log(
  `Node ${process.version}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(`medians of ${ROUNDS}, CPU time; ${DELTAS} deltas a turn\n`);
// All paths are compiled before anything is measured.
for (let round = 0; round < 5; round++) await send(talk(long, history(10)));

for (const turns of [0, 100, 1_000, 10_000]) {
  const plain = talk(long, history(turns));
  show(`a turn after ${turns} turns`, await median(() => send(plain)), DELTAS);
  const watched = talk(long, history(turns));
  watched.state$.subscribe(({ live }) => live?.text.length);
  show('  with a subscriber of state$', await median(() => send(watched)), DELTAS);
}
show('AI SDK readUIMessageStream, without a history', await median(readWithAiSdk), DELTAS);

for (const count of [0, 3, 10]) {
  const conversation = talk(short, images(count));
  show(`the first turn with ${count} images of 3 MB`, await cpu(() => send(conversation)));
  show('  a later one', await median(() => send(conversation)));
}

const saved = talk(short, history(2_000));
show('toJSON of 2,000 turns', await median(() => saved.toJSON()));
const document = JSON.parse(JSON.stringify(saved)) as unknown;
show(
  'fromJSON of 2,000 turns',
  await median(() =>
    Conversation.fromJSON(document, () => from(short), { model: 'm', max_tokens: 1 }),
  ),
);

if (globalThis.gc) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const many = Array.from({ length: 1_000 }, () => talk(short, history(50)));
  for (const conversation of many) await send(conversation);
  globalThis.gc();
  const bytes = process.memoryUsage().heapUsed - before;
  console.log(`\n${many.length} conversations of 50 turns: ${(bytes / 2 ** 20).toFixed(1)} MiB`);
}
