// What a service costs that reads a reply and sends it on: three processes, of which the one in the
// middle is measured. `npm run bench:service`, or with names: `npm run bench:service -- burst`.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { median } from './measure.ts';
import { makeReply } from './replies.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = `${here}node_modules/.bench`;

interface Scenario {
  title: string;
  how: string;
  reply: string;
  /** Replies at the same time. */
  connections: number;
  /** One after the other, on each of them. */
  times: number;
  rounds: number;
}

/** What the service process says of a run. */
export interface Usage {
  /** Milliseconds of CPU. */
  cpu: number;
  /** Calls of `write` and `writev` on the sockets of its readers. */
  writes: number;
  /** The most that the heap and its buffers held, in bytes. */
  memory: number;
}

const SCENARIOS: Record<string, Scenario> = {
  burst: {
    title: 'bursts of 20,000 events',
    how: 'burst',
    reply: 'text, ASCII',
    connections: 1,
    times: 5,
    rounds: 5,
  },
  short: {
    title: 'short replies, 20 at a time',
    how: 'burst',
    reply: 'a short reply',
    connections: 20,
    times: 25,
    rounds: 5,
  },
  paced200: {
    title: '200 connections, an event each 20 ms',
    how: 'paced-20',
    reply: 'a paced reply of 150',
    connections: 200,
    times: 1,
    rounds: 5,
  },
  paced1000: {
    title: '1,000 connections, an event each 40 ms',
    how: 'paced-40',
    reply: 'a paced reply of 75',
    connections: 1_000,
    times: 1,
    rounds: 3,
  },
};

await build({
  entryPoints: ['server', 'serviceProcess', 'serviceReader'].map((name) => `${here}${name}.ts`),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  alias: {
    'claude-rx': `${here}../src/index.ts`,
    'claude-rx/relay': `${here}../src/relay/index.ts`,
    'claude-rx/testing': `${here}../src/testing/index.ts`,
  },
});

async function start(name: string, ...args: string[]): Promise<[ChildProcess, string]> {
  const child = fork(`${out}/${name}.mjs`, args);
  const [address] = await once(child, 'message');
  return [child, address as string];
}

async function ask<T>(child: ChildProcess, question: unknown): Promise<T> {
  child.send(question as object);
  const [answer] = await once(child, 'message');
  return answer as T;
}

const [upstream, upstreamUrl] = await start('server');
const [service, serviceUrl] = await start('serviceProcess', upstreamUrl);
const [reader] = await start('serviceReader', serviceUrl);

const { values, positionals: asked } = parseArgs({
  options: { only: { type: 'string' } },
  allowPositionals: true,
});
const BASE = 'SDK raw, res.write';
/** `--only=pipe` leaves out all but those whose name has this, and the one that is 1. */
const contenders = (await ask<string[]>(service, 'contenders')).filter(
  (name) => name === BASE || name.includes(values.only ?? ''),
);
/** It would keep the others waiting. */
const ONCE = new Set(['AI SDK pipeUIMessageStreamToResponse', 'SDK toReadableStream']);

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const { title, how, reply, connections, times, rounds } = scenario;
  const { events, length } = makeReply(reply);
  const found = new Map<string, Usage[]>(contenders.map((contender) => [contender, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [turn] of contenders.entries()) {
      // Each round begins with another one.
      const contender = contenders[(turn + round + 1) % contenders.length]!;
      if (round > 0 && ONCE.has(contender)) continue;
      await ask(service, 'begin');
      const read = await ask<number>(reader, { contender, how, reply, connections, times });
      const usage = await ask<Usage>(service, 'end');
      const expected = length * connections * times;
      if (read !== expected) throw new Error(`${contender}: ${read} characters, not ${expected}`);
      if (round >= 0) found.get(contender)!.push(usage);
    }
  }
  const cpuOf = (contender: string) => median(found.get(contender)!.map(({ cpu }) => cpu));
  const total = events * connections * times;
  console.log(`\n${title}\n`);
  console.log('| | CPU per event | of SDK raw | each round | writes per event | memory |');
  console.log('|---|---|---|---|---|---|');
  for (const contender of contenders) {
    const usages = found.get(contender)!;
    const ratios = usages.map(
      ({ cpu }, round) => cpu / found.get('SDK raw, res.write')![round]!.cpu,
    );
    const cells = [
      contender,
      `${((1_000 * cpuOf(contender)) / total).toFixed(2)} µs`,
      median(ratios).toFixed(2),
      ratios.map((ratio) => ratio.toFixed(2)).join(' '),
      (median(usages.map(({ writes }) => writes)) / total).toFixed(3),
      `${(median(usages.map(({ memory }) => memory)) / 1_048_576).toFixed(0)} MB`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

const versionOf = (name: string) =>
  JSON.parse(readFileSync(`${here}node_modules/${name}/package.json`, 'utf8')).version as string;
console.log(
  `\nNode ${process.version}, @anthropic-ai/sdk ${versionOf('@anthropic-ai/sdk')}, ai ${versionOf('ai')}`,
);
for (const child of [reader, service, upstream]) child.kill();
