// 2,000 followers of 200 replies, over two processes and one redis-server: the relay and
// resumable-stream in turns. Needs redis-server; `npm install` in this folder adds the second.
//
//   npx tsx bench/relay/load.ts [rounds]
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { describeLoad, type Load, load } from '../../test/long/relay/load.ts';
import { Processes } from '../../test/long/relay/processes.ts';
import { RedisServer } from '../../test/long/relay/redisServer.ts';

const rounds = Number(process.argv[2] ?? 2);
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
    await run('relay');
    if (hasPeer) await run('resumable-stream', new URL('peer.ts', import.meta.url));
  }
} finally {
  await processes.close();
  await server.close();
}
for (const [name, loads] of Object.entries(results)) {
  const median = (key: 'p50' | 'p99') => middle(loads.map((one) => one[key])).toFixed(1);
  console.log(
    `${name}: median of ${loads.length}: p50 ${median('p50')} ms, p99 ${median('p99')} ms`,
  );
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
