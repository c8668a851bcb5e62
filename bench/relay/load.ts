// 2,000 followers of 200 replies, over two processes and one redis-server: the relay and
// resumable-stream in turns, each first in every second round. Then where the milliseconds of one event
// go. Prints a section for RESULTS.md; about 3 minutes. Needs redis-server on the PATH.
//
//   npm run bench:relay [-- rounds]
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { describeLoad, type Load, load } from '../../test/long/relay/load.ts';
import { Processes } from '../../test/long/relay/processes.ts';
import { RedisServer } from '../../test/long/relay/redisServer.ts';
import { SECTIONS } from '../report.ts';
import { stages } from './stages.ts';

const rounds = Number(process.argv[2] ?? 5);
const manifest = (name: string) => new URL(`node_modules/${name}/package.json`, import.meta.url);
const versionOf = (name: string) =>
  (JSON.parse(readFileSync(manifest(name), 'utf8')) as { version: string }).version;
const hasPeer = existsSync(manifest('resumable-stream'));
const redis = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
console.log(`## ${SECTIONS.relay}\n`);
console.log(
  'Two processes and one redis-server, 25 events for each reply, one each 400 ms (`npm run bench:relay`). ' +
    `Node ${process.version}, ${/v=[\d.]+/.exec(redis)?.[0].replace('v=', 'Redis ')}, ` +
    `redis ${versionOf('redis')}, ${hasPeer ? `resumable-stream ${versionOf('resumable-stream')}, ` : ''}` +
    `${cpus().length} x ${cpus()[0]?.model}; ${new Date().toISOString().slice(0, 10)}, ` +
    `load of the machine ${loadavg()[0]!.toFixed(1)}. Medians of ${rounds} interleaved rounds, and all of them.\n`,
);

const processes = new Processes();
const server = await RedisServer.start();
const results: Record<string, Load[]> = {};
let parts: [string, number][] = [];
try {
  for (let round = 0; round < rounds; round++) {
    const turns = [
      () => run('relay'),
      ...(hasPeer ? [() => run('resumable-stream', new URL('peer.ts', import.meta.url))] : []),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
  }
  parts = await stages(server);
} finally {
  await processes.close();
  await server.close();
}
const COLUMNS: readonly [string, (load: Load) => number, number][] = [
  ['p50, ms', ({ p50 }) => p50, 1],
  ['p99, ms', ({ p99 }) => p99, 0],
  ['CPU, s', ({ cpu }) => cpu, 1],
  ['CPU of Redis, s', ({ redisCpu }) => redisCpu, 1],
  ['heap, MB', ({ heap }) => heap, 0],
  ['RSS, MB', ({ rss }) => rss, 0],
  ['connections', ({ connections: { during } }) => during, 0],
  ['failures', ({ failures }) => failures, 0],
];
console.log(`| | ${COLUMNS.map(([name]) => name).join(' | ')} |`);
console.log(`|---|${COLUMNS.map(() => '---:').join('|')}|`);
for (const [name, loads] of Object.entries(results)) {
  const cells = COLUMNS.map(([, figure, digits]) => {
    const all = loads.map(figure);
    const rest = all.map((value) => value.toFixed(digits)).join(', ');
    return `**${middle(all).toFixed(digits)}** (${rest})`;
  });
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
console.log('\nWhere the time of an event goes, one reply and one reader, medians:\n');
console.log('| | ms |\n|---|---:|');
for (const [stage, ms] of parts) console.log(`| ${stage} | ${ms.toFixed(2)} |`);
if (!hasPeer) console.error('resumable-stream is not installed: npm install --prefix bench/relay');

async function run(name: string, program?: URL): Promise<void> {
  const figures = await load(processes, server, `${name}-${Math.random()}`, program);
  (results[name] ??= []).push(figures);
  // Not a part of the section.
  console.error(`${name}: ${describeLoad(figures)}`);
}

function middle(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
