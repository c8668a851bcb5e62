// What a turn of a Conversation and a delta of it cost after 0 to 10,000 turns: with and without a
// subscriber of `state$`, and with images in the history; what saving and forking cost, a loop of 500
// turns with large results, and the memory of many conversations. The replies come from a function, so
// that none of it is the SDK's or the network's. Beside it the AI SDK's `readUIMessageStream` with the
// same deltas, in the same process.
//
// Prints Markdown; with `--write` it becomes a section of RESULTS.md.
import { readUIMessageStream, type UIMessageChunk } from 'ai';
import { readFileSync, writeFileSync } from 'node:fs';
import { ReadableStream } from 'node:stream/web';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Conversation, type ConversationParams } from '../src/conversation/index.ts';
import type { StreamEvent } from '../src/index.ts';
import { type AnyTool, defineTool, runTools, type TurnRequest } from '../src/tools/index.ts';
import { messageEvents } from '../src/testing/index.ts';
import { z } from 'zod';
import { SECTIONS, machine, markdown, withSection } from './report.ts';

const ROUNDS = 9;
const DELTAS = 3_000;
const words = 'word '.repeat(DELTAS);
const long = [...messageEvents.text(words, { chunk: 5 })];
const short = [...messageEvents.text('word '.repeat(20), { chunk: 5 })];
const thinking = [
  ...messageEvents.thinking('Hm', { signature: 'c2ln' }).text('word '.repeat(20), { chunk: 5 }),
];
const image = Buffer.alloc(3e6, 7).toString('base64');
const params = { model: 'claude-opus-5-5', max_tokens: 1_000 };

type Message = NonNullable<ConversationParams['messages']>[number];

function history(turns: number): Message[] {
  return Array.from({ length: turns }, (_, turn): Message[] => [
    { role: 'user', content: `question ${turn}` },
    { role: 'assistant', content: 'answer '.repeat(50) + turn },
  ]).flat();
}

/** Each image is a string of its own, and in one piece, as where it comes from a request. */
function images(count: number): Message[] {
  return Array.from({ length: count }, (_, index): Message[] => {
    const data = `${index}${image.slice(1)}`;
    // To look at a character joins the pieces.
    data.charCodeAt(0);
    return [
      {
        role: 'user',
        content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }],
      },
      { role: 'assistant', content: 'An image.' },
    ];
  }).flat();
}

function talk(events: readonly StreamEvent[], messages: Message[]): Conversation {
  return new Conversation(() => from(events), { ...params, messages });
}

function load(text: string, events: readonly StreamEvent[] = short): Conversation {
  return Conversation.fromJSON(JSON.parse(text), () => from(events), params);
}

const send = (conversation: Conversation) => lastValueFrom(conversation.send('and?'));

/** The CPU time of a run, in milliseconds, of all threads: the garbage collector's too. */
async function cpu(run: () => unknown): Promise<number> {
  const began = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
}

/** The CPU time of each of some runs, after a first one that does not count. */
async function each(run: () => unknown, rounds = ROUNDS): Promise<number[]> {
  await run();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await cpu(run));
  return times;
}

function median(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[times.length >> 1]!;
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

const LOOP = 500;

/** The CPU time of each turn of a loop whose tool gives 100 kB, from one request to the next. */
async function turnTimes(
  run: (
    ask: TurnRequest<StreamEvent, { messages: object[] }>,
    tools: AnyTool[],
  ) => Observable<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  let began = process.cpuUsage();
  const look = defineTool({
    name: 'look',
    description: 'Gives a large page',
    input: z.object({}),
    run: () => `${times.length} ${'x'.repeat(100_000)}`,
  });
  const ask: TurnRequest<StreamEvent, { messages: object[] }> = (_, { turn }) => {
    const { user, system } = process.cpuUsage(began);
    times.push((user + system) / 1_000);
    began = process.cpuUsage();
    const call = messageEvents.toolUse('look', {}, { id: `call_${turn}` });
    return from([...(turn < LOOP ? call : messageEvents.text('Done.'))]);
  };
  await lastValueFrom(run(ask, [look]));
  return times.slice(1);
}

const loop = () =>
  turnTimes((ask, tools) =>
    runTools(
      ask,
      { ...params, messages: [{ role: 'user', content: 'Hi' }] },
      { tools, maxTurns: LOOP },
    ),
  );
const conversationLoop = () =>
  turnTimes((ask, tools) =>
    new Conversation(ask as never, params, { tools, maxTurns: LOOP }).send('Hi'),
  );

const rows: string[][] = [];

function show(name: string, times: readonly number[], note = ''): void {
  const most = times.length > 1 ? Math.max(...times).toFixed(2) : '';
  const row = [name, median(times).toFixed(2), most, note];
  rows.push(row);
  process.stderr.write(`${row.join('  ')}\n`);
}

const perDelta = (times: readonly number[]) =>
  `${((median(times) * 1_000) / DELTAS).toFixed(2)} µs a delta`;

// In a process that has not run any of it: as the first request after a deployment.
const cold = JSON.stringify({
  ...talk(short, []).toJSON(),
  messages: history(2_000).map(({ role, content }, index) => ({
    key: `m${index + 1}`,
    role,
    content: [{ type: 'text', text: content }],
    ...(role === 'assistant' && { status: 'complete' }),
  })),
});
const parsed = JSON.parse(cold) as unknown;
let loaded!: Conversation;
const loadParsed = () => {
  loaded = Conversation.fromJSON(parsed, () => from(short), params);
};
show('`fromJSON` of 2,000 turns, the first call in the process', [await cpu(loadParsed)]);
show('`toJSON` of 2,000 turns, the first call in the process', [await cpu(() => loaded.toJSON())]);

// All paths are compiled before anything else is measured.
for (let round = 0; round < 5; round++) await send(talk(long, history(10)));

for (const turns of [0, 100, 1_000, 10_000]) {
  const plain = talk(long, history(turns));
  const times = await each(() => send(plain));
  show(`a turn of ${DELTAS} deltas after ${turns} turns`, times, perDelta(times));
  const watched = talk(long, history(turns));
  watched.state$.subscribe(({ live }) => live?.text.length);
  const seen = await each(() => send(watched));
  show('... with a subscriber of `state$`', seen, perDelta(seen));
}
const ai = await each(readWithAiSdk);
show('AI SDK `readUIMessageStream`, without a history', ai, perDelta(ai));

for (const count of [0, 3, 10]) {
  const conversation = talk(short, images(count));
  show(`the first turn with ${count} images of 3 MB`, [await cpu(() => send(conversation))]);
  show('... a later one', await each(() => send(conversation)));
}

for (const [name, events] of [
  ['', short],
  [', with thinking', thinking],
] as const) {
  const times: Record<'first' | 'later' | 'loaded', number[]> = {
    first: [],
    later: [],
    loaded: [],
  };
  for (let round = 0; round < 100; round++) {
    const conversation = talk(events, [...images(3), ...history(197)]);
    times.first.push(await cpu(() => send(conversation)));
    times.later.push(await cpu(() => send(conversation)));
    const again = load(JSON.stringify(conversation), events);
    times.loaded.push(await cpu(() => send(again)));
  }
  show(`100 conversations of 200 turns and 3 images of 3 MB${name}: the first turn`, times.first);
  show('... the next turn', times.later);
  show('... the first turn after `fromJSON`', times.loaded);
}

const saved = talk(short, history(2_000));
await send(saved);
show('`toJSON` of 2,000 turns', await each(() => saved.toJSON()));
show('`JSON.stringify` of what it gives', await each(() => JSON.stringify(saved)));
const text = JSON.stringify(saved);
const documents = Array.from({ length: ROUNDS + 1 }, () => JSON.parse(text) as unknown);
show(
  '`fromJSON` of 2,000 turns',
  await each(() => Conversation.fromJSON(documents.pop(), () => from(short), params)),
);
const copies = Array.from({ length: ROUNDS + 1 }, () => load(text));
show('the first turn after it', await each(() => send(copies.pop()!)));
let version = saved.changesSince(0)!.version;
await send(saved);
show('`changesSince` after one more turn', [
  await cpu(() => (version = saved.changesSince(version)!.version)),
]);
const log = [saved.changesSince(0)];
show(
  '`fromChanges` of 2,000 turns',
  await each(() => Conversation.fromChanges(log, () => from(short), params)),
);

const forked = talk(short, history(10_000));
await send(forked);
show('a `fork` of 10,000 turns', await each(() => forked.fork()));
show('the first turn of such a fork', await each(() => send(forked.fork())));

for (const [name, run] of [
  ['`runTools`', loop],
  ['a `Conversation` with tools', conversationLoop],
] as const) {
  const times = await run();
  show(`${name}, results of 100 kB: turns 2 to 101`, times.slice(1, 101));
  show('... turns 400 to 499', times.slice(399, 499));
}

if (globalThis.gc) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const many = Array.from({ length: 1_000 }, () => talk(short, history(50)));
  for (const conversation of many) await send(conversation);
  globalThis.gc();
  const bytes = process.memoryUsage().heapUsed - before;
  const size = `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  rows.push([`memory of ${many.length} conversations of 50 turns`, '', '', size]);
}

const body = [
  `Written by \`npm run bench:conversation -- --write\`. CPU time of all threads, ${ROUNDS} runs, 100 of ` +
    'what is for 100 conversations; a figure alone is a single run. ' +
    machine(),
  markdown(['', 'median, ms', 'most, ms', ''], rows),
].join('\n\n');
console.log(`## ${SECTIONS.conversations}\n\n${body}`);
if (process.argv.includes('--write')) {
  const file = new URL('RESULTS.md', import.meta.url);
  writeFileSync(file, withSection(readFileSync(file, 'utf8'), SECTIONS.conversations, body));
}
