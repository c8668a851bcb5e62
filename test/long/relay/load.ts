import type { Figures, NodeProcess, Processes } from './processes.ts';
import { pause, type RedisServer } from './redisServer.ts';

export const REPLIES = 200;
export const FOLLOWERS = 2_000;
export const EVENTS = 25;
/** Between two events of a reply, in milliseconds. */
const PACE = 400;

/** What two processes came to. */
export interface Load {
  /** Of both processes to Redis: before anybody followed, and while all did. */
  connections: { before: number; during: number };
  events: number;
  failures: number;
  p50: number;
  p99: number;
  max: number;
  /** Of the larger process, in MB. */
  rss: number;
  heap: number;
  /** Seconds, of both. */
  cpu: number;
  /** Seconds of redis-server. */
  redisCpu: number;
}

/** Two processes write 100 replies each, and each has 1,000 who follow: five for every reply. */
export async function load(
  processes: Processes,
  server: RedisServer,
  name: string,
  program?: URL,
): Promise<Load> {
  const redisBefore = await redisCpu(server);
  const nodes = await Promise.all(
    [1, 2].map(() => processes.start(server.url, { lease: 10_000 }, program)),
  );
  const ids = Array.from({ length: REPLIES }, (_, index) => `${name}-${index}`);
  for (const [index, node] of nodes.entries()) {
    const own = ids.filter((_, at) => at % 2 === index);
    node.tell({ do: 'tick', ids: own, count: EVENTS, pace: PACE });
  }
  await Promise.all(nodes.map((node) => node.next('ticking')));
  const before = await connections(server);
  const each = FOLLOWERS / 2 / REPLIES;
  const followed = Array.from({ length: each }, () => ids).flat();
  for (const node of nodes) node.tell({ do: 'follow', ids: followed });
  await Promise.all(nodes.map((node) => node.next('following')));
  await pause(2_000);
  const during = await connections(server);
  const figures = await Promise.all(nodes.map(figuresOf));
  await Promise.all(nodes.map((node) => node.kill()));
  const delays = figures.flatMap((one) => one.delays).toSorted((a, b) => a - b);
  const at = (part: number) =>
    delays[Math.min(delays.length - 1, Math.floor(delays.length * part))] ?? Number.NaN;
  const most = (key: 'rss' | 'heap') => Math.max(...figures.map((one) => one[key])) / 2 ** 20;
  const sum = (key: 'events' | 'failures' | 'cpu') =>
    figures.reduce((all, one) => all + one[key], 0);
  return {
    connections: { before, during },
    events: sum('events'),
    failures: sum('failures'),
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    rss: most('rss'),
    heap: most('heap'),
    cpu: sum('cpu'),
    redisCpu: (await redisCpu(server)) - redisBefore,
  };
}

export function describeLoad({ connections: { before, during }, ...figures }: Load): string {
  const { events, failures, p50, p99, max, rss, heap, cpu, redisCpu: redis } = figures;
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return (
    `p50 ${ms(p50)}, p99 ${ms(p99)}, most ${ms(max)}; ${events} events received, ${failures} failures; ` +
    `connections ${before} before, ${during} during; ${rss.toFixed(0)} MB RSS, ${heap.toFixed(0)} MB heap; ${cpu.toFixed(1)} s CPU, ${redis.toFixed(1)} s of Redis`
  );
}

async function redisCpu(server: RedisServer): Promise<number> {
  const info = String(await server.command('INFO', 'cpu'));
  const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return seconds('used_cpu_user') + seconds('used_cpu_sys');
}

async function figuresOf(node: NodeProcess): Promise<Figures> {
  return (await node.next('figures')).figures;
}

/** Connections to Redis, but for the one that asks. */
async function connections(server: RedisServer): Promise<number> {
  const list = String(await server.command('CLIENT', 'LIST'));
  return list.trim().split('\n').length - 1;
}
