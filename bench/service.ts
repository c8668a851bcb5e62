// What a service costs that reads a reply and sends it on: three processes, of which the one in the
// middle is measured. `npm run bench:service`, or with names: `npm run bench:service -- burst`.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { median } from './measure.ts';
import { makeReply } from './replies.ts';
import { SECTIONS } from './report.ts';
import { FOLLOWERS, type Usage } from './serviceUsage.ts';

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
  /** Who runs, of all contenders. Default: all that send one reply to one reader. */
  who?: RegExp;
}

const ROUNDS = 5;
const RAW = 'SDK raw, res.write';

const SCENARIOS: Record<string, Scenario> = {
  burst: {
    title: 'Bursts of 20,000 events',
    how: 'burst',
    reply: 'text, ASCII',
    connections: 1,
    times: 2,
  },
  short: {
    title: 'Short replies, 20 at a time',
    how: 'burst',
    reply: 'a short reply',
    connections: 20,
    times: 10,
  },
  paced200: {
    // Twice as many events a second keep both cores busy: who is slow then finds several events in a
    // read, and writes them at once, so that all cost nearly the same.
    title: '200 connections, an event each 40 ms',
    how: 'paced-40',
    reply: 'a paced reply of 50',
    connections: 200,
    times: 1,
  },
  paced1000: {
    title: '1,000 connections, an event each 80 ms',
    how: 'paced-80',
    reply: 'a paced reply of 25',
    connections: 1_000,
    times: 1,
    who: /bytes|raw, res.write$|^pipeToResponse with/,
  },
  followers: {
    title: `One reply to ${FOLLOWERS} readers, an event each 10 ms`,
    how: 'paced-10',
    reply: 'a paced reply of 150',
    connections: FOLLOWERS,
    times: 1,
  },
};

/** What must hold: the CPU time of the service as a ratio to that of `RAW`, the median of the rounds. */
const TARGETS: [scenario: string, contender: string, most: number][] = [
  ['burst', 'pipeToResponse', 0.4],
  ['burst', 'pipeToResponse with a valve', 0.48],
  ['paced200', 'pipeToResponse', 0.97],
  ['paced200', 'pipeToResponse with a valve', 0.97],
];

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
    'claude-rx/nest': `${here}../src/nest/toMessageEvents.ts`,
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
const [single, broadcast] = await ask<[string[], string[]]>(service, 'contenders');
/** They would keep the others waiting: one round, without one to warm up, and one reply in a row. */
const SLOW = new Set(['AI SDK pipeUIMessageStreamToResponse', 'SDK toReadableStream']);

/** Who runs in a scenario. `--only=pipe` leaves out all but the first, and those that have this in the name. */
function contendersOf(name: string, { who = /^/ }: Scenario): string[] {
  const all = name === 'followers' ? broadcast : single.filter((contender) => who.test(contender));
  const base = baseOf(all);
  return all.filter((contender) => contender === base || contender.includes(values.only ?? ''));
}

const baseOf = (contenders: string[]) => contenders.find((name) => name.startsWith(RAW))!;

/** Who has run in a scenario before: they need no round to warm up. */
const warm = new Set<string>();
const ratios = new Map<string, number[]>();
const sections: string[] = [];
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const contenders = contendersOf(name, scenario);
  const base = baseOf(contenders);
  const { title, how, reply, connections } = scenario;
  const { events, length } = makeReply(reply);
  const timesOf = (contender: string) => (SLOW.has(contender) ? 1 : scenario.times);
  const found = new Map<string, Usage[]>(contenders.map((contender) => [contender, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const turn of contenders.keys()) {
      // Each round begins with another one.
      const contender = contenders[(turn + round + 1) % contenders.length]!;
      if (SLOW.has(contender) ? round !== 0 : round < 0 && warm.has(contender)) continue;
      const times = timesOf(contender);
      await ask(service, 'begin');
      const read = await ask<number>(reader, { contender, how, reply, connections, times });
      const usage = await ask<Usage>(service, 'end');
      const expected = length * connections * times;
      if (read !== expected) throw new Error(`${contender}: ${read} characters, not ${expected}`);
      const total = events * connections * times;
      const { cpu, writes, memory } = usage;
      if (round < 0) continue;
      found.get(contender)!.push({ cpu: (1_000 * cpu) / total, writes: writes / total, memory });
    }
  }
  for (const contender of contenders) warm.add(contender);
  const rows = contenders.map((contender) => {
    const usages = found.get(contender)!;
    const each = usages.map(({ cpu }, round) => cpu / found.get(base)![round]!.cpu);
    ratios.set(`${name}, ${contender}`, each);
    const middle = (field: keyof Usage) => median(usages.map((usage) => usage[field]));
    const cells = [
      contender,
      middle('cpu').toFixed(2),
      median(each).toFixed(2),
      shown(each),
      middle('writes').toFixed(3),
      (middle('memory') / 1_048_576).toFixed(0),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  sections.push(
    [
      `### ${title}\n`,
      `| | CPU µs an event | of ${base} | each round | writes an event | memory, MB |`,
      '|---|---:|---:|---|---:|---:|',
      ...rows,
    ].join('\n'),
  );
}

function shown(numbers: readonly number[]): string {
  return numbers.map((number) => number.toFixed(2)).join(' ');
}

const targets = TARGETS.flatMap(([scenario, contender, most]) => {
  const each = ratios.get(`${scenario}, ${contender}`);
  if (!each) return [];
  const holds = median(each) <= most;
  if (!holds) process.exitCode = 1;
  const what = `${SCENARIOS[scenario]!.title}: ${contender}`;
  const cells = [what, most.toFixed(2), median(each).toFixed(2), shown(each)];
  return `| ${cells.join(' | ')} | ${holds ? 'holds' : '**missed**'} |`;
});
const versionOf = (name: string) =>
  JSON.parse(readFileSync(`${here}node_modules/${name}/package.json`, 'utf8')).version as string;
const versions = ['@anthropic-ai/sdk', 'ai', '@nestjs/core', 'rxjs'].map(
  (name) => `${name} ${versionOf(name)}`,
);
console.log(`## ${SECTIONS.service}

Written by \`npm run bench:service\`. Three processes: a model, the service, its readers. The figures are those of the service: CPU time for each event that a reader receives, calls of \`write\` and \`writev\` on the sockets of readers, and the most that heap and buffers held. ${ROUNDS} rounds, in which all contenders take turns; medians. Ratios are those of one round.

Node ${process.version}, ${cpus().length} x ${cpus()[0]!.model.trim()}; ${versions.join(', ')}; ${new Date().toISOString().slice(0, 10)}; the load of the machine was ${loadavg()[1]!.toFixed(1)}.

| | at most | ratio | each round | |
|---|---:|---:|---|---|
${targets.join('\n')}

${sections.join('\n\n')}`);
for (const child of [reader, service, upstream]) child.kill();
