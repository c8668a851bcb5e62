import type {
  Batch,
  Lease,
  LogEntry,
  LogHead,
  NewLog,
  RelayStore,
  WriteOutcome,
} from '../RelayStore.ts';
import type { MessageStreamError } from '../../message/MessageStreamError.ts';
import { invalid, requireNumbers } from '../../flow/require.ts';
import { isPermanent } from '../askStore.ts';
import { hashTag } from './hashSlot.ts';
import { LogReader, type LogPage } from './LogReader.ts';
import type { RedisClient, RedisClusterClient, RedisSentinelClient } from './RedisClient.ts';
import { redisConnection, type RedisConnection } from './RedisConnection.ts';
import { type Script, type Scripts, scriptsWith, SEPARATOR } from './scripts.ts';

export interface RedisStoreOptions {
  /**
   * The prefix of all keys and channels. In a cluster, a hash tag in braces puts all replies in one slot;
   * without braces, replies are spread over the slots. Default: `{claude-rx}`, in a cluster `claude-rx`.
   */
  prefix?: string;
  /**
   * How many replicas must have a write before it counts as stored (`WAIT`). If this takes more than a
   * second, the write is repeated, until the `patience` of the relay has passed. Default: 0.
   */
  replicas?: number;
}

/** A larger batch is not published: readers read it from the log. In characters. */
const MOST_PUBLISHED = 1_048_576;
/** How long `WAIT` may take, in milliseconds. */
const WAIT_FOR = '1000';
/** The scripts whose writes must be on the replicas. */
const ACKNOWLEDGED: ReadonlySet<keyof Scripts> = new Set([
  'BEGIN',
  'TAKE_OVER',
  'APPEND',
  'COMPACT',
  'END',
]);
/** How many logs are checked at once for a dead writer. */
const ORPHANS = '100';

/**
 * Keeps the logs of a relay in Redis, as Redis streams: for a service on several nodes.
 *
 * - The client is one of the package `redis`, version 5 or 6: `createClient`, `createSentinel`, or
 *   `createCluster`.
 * - Each write is one Lua script, so it is atomic. The script refuses a writer whose lease was taken over,
 *   and publishes the appended entries to the nodes with readers.
 * - Each node has two connections, yours and one for subscriptions (in a cluster, two for each master),
 *   and one subscription for each reply with readers on this node.
 * - Acknowledged writes are as durable as your Redis: with `appendonly yes`, a restart loses at most the
 *   last second; with `appendfsync always`, nothing; without an append-only file, everything since the
 *   last snapshot. Lost entries are detected by their numbers, and are an error.
 * - With `replicas`, a write counts as stored only when this many replicas have it. A failover to one of
 *   them then loses nothing, because writers append again what the new master lacks.
 * - While Redis is unavailable, writers buffer events (`maxBuffered`, `patience`), and the client
 *   reconnects. A write whose answer was lost is repeated, and takes effect once. A permanent error (`OOM`,
 *   `WRONGTYPE`, `NOPERM`, ...) fails at once, with a message about what to do.
 *
 * It needs Redis 6.2 or later (7 for a cluster), or Valkey, with `maxmemory-policy noeviction`. Add an
 * `error` listener to the client: without one, `redis` throws its errors.
 *
 * @throws TypeError when `client` is not a client of `redis`, or an option is out of range.
 *
 * @example
 * ```ts
 * import { createRelay } from 'claude-rx/relay';
 * import { RedisStore } from 'claude-rx/relay/redis';
 * import { createClient } from 'redis';
 *
 * const client = createClient({ url: 'redis://localhost:6379' });
 * client.on('error', (error) => console.error('Redis:', error.message));
 * await client.connect();
 *
 * const store = new RedisStore(client);
 * const relay = createRelay({ store });
 * // At the end: await relay.close(); store.close(); await client.close();
 * ```
 */
export class RedisStore implements RelayStore {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #replicas: number;
  readonly #scripts: Scripts;
  readonly #reader: LogReader;
  readonly #endListeners = new Map<string, Set<() => void>>();
  #ends: Promise<void> | undefined;
  readonly #unlisten: () => void;

  constructor(
    client: RedisClient | RedisClusterClient | RedisSentinelClient,
    { prefix, replicas = 0 }: RedisStoreOptions = {},
  ) {
    this.#connection = redisConnection(client);
    requireNumbers('RedisStore', { replicas }, { min: 0, whole: true });
    this.#replicas = replicas;
    this.#prefix = prefix ?? this.#connection.prefix;
    const isInCluster = this.#connection.publish === 'SPUBLISH';
    if (isInCluster && this.#prefix.includes('{') && hashTag(this.#prefix) === undefined) {
      const wanted = 'a text without braces, or with a part in braces such as {chat}';
      throw invalid('RedisStore', 'prefix', wanted, this.#prefix);
    }
    this.#scripts = scriptsWith(this.#connection.publish);
    this.#reader = new LogReader(this.#connection, (...args) => this.#page(...args));
    // The message about an ending may have been lost.
    this.#unlisten = this.#connection.onReady(() => {
      for (const id of this.#endListeners.keys()) this.#tellEnd(id);
    });
  }

  /** Closes the subscriptions and the connection of this store. Close the client yourself. */
  close(): void {
    this.#endListeners.clear();
    this.#reader.close();
    this.#unlisten();
    if (this.#ends)
      this.#connection.all.unsubscribe(this.#endsChannel, this.#hearEnd).catch(ignore);
    this.#connection.close();
  }

  async begin(id: string, { tag, request, ...lease }: NewLog): Promise<boolean> {
    const more = request === undefined ? [tag] : [tag, request];
    const [begun] = await Promise.all([
      this.#run('BEGIN', this.#keys(id), [...said(lease), ...more]),
      // At the same time, so that the log is found if this node dies right after it.
      this.#run('OPEN', [this.#openKey], [id, String(lease.lease)]),
    ]);
    return Number(begun) === 1;
  }

  async takeOver(id: string, lease: Lease, writers: number): Promise<boolean> {
    const args = [...said(lease), String(writers)];
    return Number(await this.#run('TAKE_OVER', this.#keys(id), args)) === 1;
  }

  async renew(id: string, lease: Lease): Promise<WriteOutcome> {
    return this.#write('RENEW', id, said(lease));
  }

  async append(id: string, lease: Lease, { after, entries, ends }: Batch): Promise<WriteOutcome> {
    const isTold = isPublished(entries) ? '1' : '0';
    const batch = [String(after), ends ? '1' : '0', isTold, ...entries.flatMap(numberAndData)];
    const outcome = await this.#write('APPEND', id, [...said(lease), ...batch]);
    if (ends && outcome === 'done') this.#forget(id);
    return outcome;
  }

  async compact(id: string, lease: Lease, entries: readonly LogEntry[]): Promise<WriteOutcome> {
    return this.#write('COMPACT', id, [...said(lease), ...entries.flatMap(numberAndData)]);
  }

  async end(id: string, data: string): Promise<boolean> {
    const isEnded = Number(await this.#run('END', this.#keys(id), [data, id, this.#endsChannel]));
    if (isEnded === 1) this.#forget(id);
    return isEnded === 1;
  }

  async head(id: string): Promise<LogHead | undefined> {
    const known = await this.#run('HEAD', this.#keys(id), []);
    if (!Array.isArray(known)) return undefined;
    const [tag, last, ended, remaining, writers, request] = known.map(String);
    return {
      tag: tag!,
      last: Number(last),
      ended: ended !== '',
      remaining: Number(remaining),
      writers: Number(writers),
      request: request === '' ? undefined : request,
    };
  }

  async read(
    id: string,
    after: number,
    limit: number,
    size: number = Infinity,
  ): Promise<readonly LogEntry[]> {
    // Redis counts bytes, and a UTF-16 code unit has at most 3 bytes.
    return (await this.#page(id, after, limit, 3 * size))?.entries ?? [];
  }

  watch(
    id: string,
    after: number,
    listener: (entries: readonly LogEntry[]) => void,
    failed?: (error: MessageStreamError) => void,
  ): () => void {
    return this.#reader.follow(id, this.#logKey(id), after, {
      more: listener,
      fail: (error) => failed?.(error),
    });
  }

  watchEnd(id: string, listener: () => void): () => void {
    const listeners = this.#endListeners.get(id) ?? new Set();
    this.#endListeners.set(id, listeners.add(listener));
    this.#ends ??= this.#subscribeToEnds();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#endListeners.get(id) === listeners) {
        this.#endListeners.delete(id);
      }
    };
  }

  async orphans(lease: number): Promise<readonly string[]> {
    // The caller waits for one lease; until then no other caller gets this log.
    const due = await this.#run('DUE', [this.#openKey], [String(2 * lease), ORPHANS]);
    const ids = (due as unknown[]).map(String);
    const areOrphans = await Promise.all(ids.map((id) => this.#isOrphan(id)));
    return ids.filter((_, index) => areOrphans[index]);
  }

  /** Never rejects, so that one log with an error does not hide the others. */
  async #isOrphan(id: string): Promise<boolean> {
    try {
      const head = await this.head(id);
      if (head && !head.ended && head.remaining > 0) {
        await this.#run('OPEN', [this.#openKey], [id, String(head.remaining)]);
        return false;
      }
      if (head && !head.ended) return true;
      this.#forget(id);
    } catch (error) {
      // The key holds something else, not a log. After another error, the next search finds the log again.
      if (isPermanent(error) && error.errorType === 'WRONGTYPE') this.#forget(id);
    }
    return false;
  }

  async #subscribeToEnds(): Promise<void> {
    try {
      await this.#connection.all.subscribe(this.#endsChannel, this.#hearEnd);
      // Logs that were ended meanwhile.
      for (const waiting of this.#endListeners.keys()) this.#tellEnd(waiting);
    } catch {
      // The next heartbeat of the writer finds the ending.
      this.#ends = undefined;
    }
  }

  readonly #hearEnd = (id: unknown): void => this.#tellEnd(String(id));

  #tellEnd(id: string): void {
    for (const listener of this.#endListeners.get(id) ?? []) listener();
  }

  get #endsChannel(): string {
    return `${this.#prefix}:ends`;
  }

  get #openKey(): string {
    return `${this.#prefix}:open`;
  }

  #keys(id: string): string[] {
    return [`${this.#prefix}:head:${this.#tagged(id)}`, this.#logKey(id)];
  }

  #logKey(id: string): string {
    return `${this.#prefix}:log:${this.#tagged(id)}`;
  }

  /** The id as hash tag of its keys, unless the prefix has a hash tag. */
  #tagged(id: string): string {
    if (hashTag(this.#prefix) !== undefined) return id;
    return `{${id.replaceAll(/[%{}]/g, encodeURIComponent)}}`;
  }

  async #page(
    id: string,
    after: number,
    limit: number,
    bytes: number,
  ): Promise<LogPage | undefined> {
    const args = [
      `${after + 1}-0`,
      String(limit),
      String(Math.min(bytes, Number.MAX_SAFE_INTEGER)),
    ];
    const page = await this.#run('READ', this.#keys(id), args);
    if (!Array.isArray(page)) return undefined;
    const last = Number(page[0]);
    return { last, entries: (page[1] as StreamEntry[]).map((entry) => toLogEntry(entry, last)) };
  }

  async #write(name: keyof Scripts, id: string, args: readonly string[]): Promise<WriteOutcome> {
    return String(await this.#run(name, this.#keys(id), args)) as WriteOutcome;
  }

  /** If this fails, the next search for orphans does it. */
  #forget(id: string): void {
    this.#connection.send(this.#openKey, ['ZREM', this.#openKey, id]).catch(ignore);
  }

  async #run(
    name: keyof Scripts,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const { sha, source }: Script = this.#scripts[name];
    const call = [String(keys.length), ...keys, ...args];
    const send = (...command: string[]) => this.#connection.send(keys[0]!, [...command, ...call]);
    const answer = await send('EVALSHA', sha).catch((error: unknown) => {
      // After a restart, Redis does not know the script: `EVAL` sends its source, and Redis caches it.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) {
        return send('EVAL', source);
      }
      throw error;
    });
    if (this.#replicas > 0 && ACKNOWLEDGED.has(name)) await this.#copied(keys[0]!);
    return answer;
  }

  /** On the same connection, so `WAIT` waits for the write before it. */
  async #copied(key: string): Promise<void> {
    const wait = ['WAIT', String(this.#replicas), WAIT_FOR];
    const have = Number(await this.#connection.send(key, wait));
    if (have < this.#replicas) {
      throw new Error(
        `Only ${have} replicas have the write, and \`replicas\` is ${this.#replicas}: check the replicas`,
      );
    }
  }
}

/** An entry of a Redis stream: its id, and its fields, each followed by its value. */
type StreamEntry = readonly [id: unknown, fields: unknown];

/** Converts an entry such as `7-0` with the field `d`. Without `d` it gets no data, and is refused later. */
function toLogEntry([id, fields]: StreamEntry, last: number): LogEntry {
  const number = Number.parseInt(String(id), 10);
  const isOurs = Array.isArray(fields) && fields.length === 2 && String(fields[0]) === 'd';
  const entry = { number, data: isOurs ? String(fields[1]) : '' };
  return number > last ? { ...entry, isForeign: true } : entry;
}

function isPublished(entries: readonly LogEntry[]): boolean {
  let size = 0;
  for (const { data } of entries) {
    size += data.length;
    if (size > MOST_PUBLISHED || data.includes(SEPARATOR)) return false;
  }
  return true;
}

function ignore(): void {}

function said({ owner, lease, ttl }: Lease): string[] {
  return [owner, String(lease), String(ttl)];
}

function numberAndData({ number, data }: LogEntry): string[] {
  return [String(number), data];
}
