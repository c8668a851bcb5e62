// 2,000 followers of 200 replies, over two processes and one redis-server: the relay and
// resumable-stream in turns, each first in every second round. Prints a table for RESULTS.md. Needs
// redis-server on the PATH.
//
//   npm run bench:relay [-- rounds]
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { describeLoad, type Load, load } from '../../test/long/relay/load.ts';
import { Processes } from '../../test/long/relay/processes.ts';
import { RedisServer } from '../../test/long/relay/redisServer.ts';

const rounds = Number(process.argv[2] ?? 5);
const peer = new URL('node_modules/resumable-stream/package.json', import.meta.url);
const hasPeer = existsSync(peer);
const version = hasPeer
  ? (JSON.parse(readFileSync(peer, 'utf8')) as { version: string }).version
  : '';
const redis = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
console.log(
  `Node ${process.version}, ${/v=[\d.]+/.exec(redis)?.[0].replace('v=', 'Redis ')}, ` +
    `${cpus().length} x ${cpus()[0]?.model}${hasPeer ? `, resumable-stream ${version}` : ''}`,
);

const processes = new Processes();
const server = await RedisServer.start();
const results: Record<string, Load[]> = {};
try {
  for (let round = 0; round < rounds; round++) {
    const turns = [
      () => run('relay'),
      ...(hasPeer ? [() => run('resumable-stream', new URL('peer.ts', import.meta.url))] : []),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
  }
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
console.log(`\nMedians of ${rounds} rounds, and all of them:\n`);
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
if (!hasPeer) console.log('resumable-stream is not installed: npm install --prefix bench/relay');

async function run(name: string, program?: URL): Promise<void> {
  const figures = await load(processes, server, `${name}-${Math.random()}`, program);
  (results[name] ??= []).push(figures);
  console.log(`${name}: ${describeLoad(figures)}`);
}

function middle(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
