// The incremental JSON parser: text in 20-byte deltas, beside one JSON.parse of the whole text. All
// of a table is interleaved in one process, medians of CPU time, which is that of all threads (so
// with garbage collection) and not that of other processes. At 64 KB beside what others do;
// `npm install` in this folder installs them. Exits with 1 if a target is missed.
import { cpus } from 'node:os';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import { VERSION } from '@anthropic-ai/sdk/version';
import { IncrementalJsonParser } from '../src/json/IncrementalJsonParser.ts';

const DELTA = 20;
const ROUNDS = 15;
const WARM_UP = 5;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options: { type: 'minor' }) => void;

// Inputs: what a model could send, the same at each run.

let seed = 1;
function random(below: number): number {
  seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
  return seed % below;
}

const VOCABULARY = 'the quick "brown" fox jumps over a lazy dog:\nsrc/path file.ts (done) 42'.split(
  ' ',
);
const list = <T>(length: number, item: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => item(index));
const words = (count: number) => list(count, () => VOCABULARY[random(VOCABULARY.length)]).join(' ');

const meta = () => ({ created: '2026-11-21', owner: null, score: random(1000) });
const record = (id: number) => ({
  id,
  name: words(3),
  price: random(10_000) / 100,
  tags: [words(1), words(1)],
  done: random(2) === 0,
  meta: meta(),
});
const section = () => ({ heading: words(4), body: words(20), records: list(8, record) });

/** A document of parts of chapters of sections of records, nowhere wide, of `size` bytes or so. */
function nestedInput(size: number): string {
  const sections = list(Math.round(size / 1_490), section);
  const chapters = inNines(sections).map((some) => ({ title: words(4), sections: some }));
  const parts = inNines(chapters).map((some) => ({ title: words(4), chapters: some }));
  return JSON.stringify({ title: words(5), parts });
}

/** The same without parts and chapters: some 670 sections in one array. */
const wideInput = (size: number) =>
  JSON.stringify({ title: words(5), sections: list(Math.round(size / 1_490), section) });

const inNines = <T>(items: T[]): T[][] =>
  list(Math.ceil(items.length / 9), (index) => items.slice(index * 9, index * 9 + 9));

const oneString = (size: number) =>
  JSON.stringify({
    path: 'src/quick.ts',
    content: "  const total = sum(prices, { currency: 'EUR' });\n".repeat(size / 51),
  });
const array = JSON.stringify(list(20_000, (id) => ({ id, name: `item ${id}`, ok: id % 2 === 0 })));
const object = JSON.stringify(
  Object.fromEntries(list(5_000, (index) => [`word${index}`, random(100)])),
);

/** Pieces as they come: each a string of its own, not a view of the whole. */
const deltasOf = (text: string) =>
  list(Math.ceil(text.length / DELTA), (index) =>
    JSON.parse(JSON.stringify(text.slice(index * DELTA, (index + 1) * DELTA))),
  ) as string[];

/** Reads the value after each delta, or after some of them, as a display does. */
function read(deltas: readonly string[], every: number): unknown {
  const parser = new IncrementalJsonParser();
  let shown: unknown;
  for (let i = 0; i < deltas.length; i++) {
    parser.push(deltas[i]!);
    if ((i + 1) % every === 0) shown = parser.value;
  }
  return parser.end() ?? shown;
}

/** Takes each element of the root as it is completed, and does not keep the array. */
function takeElements(deltas: readonly string[]): number {
  const parser = new IncrementalJsonParser({ elementsAt: [], keepElements: false });
  let count = 0;
  for (const delta of deltas) {
    parser.push(delta);
    count += parser.takeElements().length;
  }
  return count;
}

// Measuring.

type Contender = () => unknown;

/** The median cost of each, in milliseconds of CPU time. Slow ones are run once. */
async function measure<K extends string>(contenders: Record<K, Contender>) {
  const names = Object.keys(contenders) as K[];
  const times = new Map<K, number[]>(names.map((name) => [name, []]));
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const name of names) {
      const before = times.get(name)!;
      if ((before[0] ?? 0) > 1000) continue;
      collectGarbage({ type: 'minor' });
      const began = process.cpuUsage();
      await contenders[name]();
      const { user, system } = process.cpuUsage(began);
      const time = (user + system) / 1000;
      if (round >= 0 || time > 1000) before.push(time);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name)!)])) as Record<
    K,
    number
  >;
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function print(name: string, time: number, ratio: string, target?: number): void {
  const isMissed = target !== undefined && Number(ratio) > target;
  if (isMissed) process.exitCode = 1;
  const verdict = target === undefined ? '' : `at most ${target}${isMissed ? '  MISSED' : ''}`;
  console.log(
    `  ${name.padEnd(44)}${time.toFixed(2).padStart(9)}${ratio.padStart(8)}   ${verdict}`,
  );
}

function printTitle(title: string, text: string, unit: string): void {
  console.log(`\n${`${title}, ${kilobytes(text)}`.padEnd(46)}   CPU ms   ${unit}`);
}

const kilobytes = (text: string) => `${Math.round(text.length / 1000)} KB`;

const times = (time: number, one: number) => (time / one).toFixed(1);

console.log(
  `${DELTA}-byte deltas, medians of ${ROUNDS} rounds; Node ${process.version}, ` +
    `V8 ${process.versions.v8}, ${cpus().length} x ${cpus()[0]?.model}`,
);

for (const { title, input, mostGrowth, mostUnread } of [
  { title: 'nested tool input', input: nestedInput, mostGrowth: 15, mostUnread: 3 },
  { title: 'one long string', input: oneString, mostGrowth: 15 },
  { title: 'one list of sections', input: wideInput },
]) {
  const [large, small] = [input(1_000_000), input(100_000)];
  const [largeDeltas, smallDeltas] = [deltasOf(large), deltasOf(small)];
  const result = await measure({
    one: () => JSON.parse(large),
    each: () => read(largeDeltas, 1),
    hundredth: () => read(largeDeltas, 100),
    never: () => read(largeDeltas, Infinity),
    small: () => read(smallDeltas, 1),
  });
  printTitle(title, large, 'times JSON.parse');
  print('JSON.parse, once', result.one, '1');
  print('read at each delta', result.each, times(result.each, result.one), 25);
  print('read once in 100 deltas', result.hundredth, times(result.hundredth, result.one));
  print('never read', result.never, times(result.never, result.one), mostUnread);
  print(
    `${kilobytes(small)}, read at each delta; growth`,
    result.small,
    times(result.each, result.small),
    mostGrowth,
  );
}

for (const [title, text] of [
  ['array of 20,000 objects', array],
  ['object of 5,000 keys', object],
] as const) {
  const deltas = deltasOf(text);
  const result = await measure({
    one: () => JSON.parse(text),
    hundredth: () => read(deltas, 100),
    never: () => read(deltas, Infinity),
  });
  const { each } = await measure({ each: () => read(deltas, 1) });
  const { elements } = await measure({ elements: () => takeElements(deltas) });
  printTitle(title, text, 'times JSON.parse');
  print('JSON.parse, once', result.one, '1');
  print('read once in 100 deltas', result.hundredth, times(result.hundredth, result.one), 10);
  print('never read', result.never, times(result.never, result.one));
  print('read at each delta', each, times(each, result.one));
  if (text === array) print('elements taken at each delta', elements, times(elements, result.one));
}

// Others, each the way its documentation says.

interface Peers {
  'partial-json': { parse(text: string): unknown };
  ai: { parsePartialJson(text: string): Promise<{ value: unknown }> };
  jsonriver: { parse(text: AsyncIterable<string>): AsyncIterable<unknown> };
}

async function peer<K extends keyof Peers>(name: K): Promise<Peers[K] | undefined> {
  try {
    return (await import(name)) as Peers[K];
  } catch {
    console.log(`  ${name}: not installed, no row (npm install, in bench/)`);
    return undefined;
  }
}

function versionOf(name: string): string {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version as string;
}

async function* asynchronously<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values;
}

/** The events of a tool use, as the SDK reads them from a file: a line each. */
function toolUse(deltas: readonly string[]): ReadableStream<Uint8Array> {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    content: [],
    model: 'm',
    usage,
  };
  const block = { type: 'tool_use', id: 'toolu_1', name: 'write', input: {} };
  const events = [
    { type: 'message_start', message },
    { type: 'content_block_start', index: 0, content_block: block },
    ...deltas.map((partial_json) => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'input_json_delta', partial_json },
    })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage },
    { type: 'message_stop' },
  ];
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  return new Response(lines).body!;
}

async function compare(): Promise<void> {
  const text = nestedInput(65_536);
  const deltas = deltasOf(text);
  const sofar = deltas.map((_, index) => text.slice(0, (index + 1) * DELTA));
  printTitle('nested tool input, read at each delta', text, 'times claude-rx');
  const [partialJson, ai, jsonriver] = [
    await peer('partial-json'),
    await peer('ai'),
    await peer('jsonriver'),
  ];
  const contenders: Record<string, Contender> = {
    'claude-rx': () => read(deltas, 1),
    [`@anthropic-ai/sdk ${VERSION} inputJson`]: async () => {
      let value: unknown;
      const stream = MessageStream.fromReadableStream(toolUse(deltas));
      stream.on('inputJson', (_, snapshot) => (value = snapshot));
      await stream.done();
      return value;
    },
  };
  if (partialJson) {
    contenders[`partial-json ${versionOf('partial-json')}`] = () =>
      sofar.map((front) => partialJson.parse(front)).at(-1);
  }
  if (ai) {
    contenders[`ai ${versionOf('ai')} parsePartialJson`] = async () => {
      let value: unknown;
      for (const front of sofar) ({ value } = await ai.parsePartialJson(front));
      return value;
    };
  }
  if (jsonriver) {
    contenders[`jsonriver ${versionOf('jsonriver')} (mutates its value)`] = async () => {
      let value: unknown;
      for await (const some of jsonriver.parse(asynchronously(deltas))) value = some;
      return value;
    };
  }
  const result = await measure(contenders);
  for (const [name, time] of Object.entries(result)) {
    print(name, time, times(time, result['claude-rx']!));
  }
}

await compare();
