import type {
  Batch,
  Lease,
  LogEntry,
  LogHead,
  NewLog,
  RelayStore,
  WriteOutcome,
} from './RelayStore.ts';

interface Log {
  readonly tag: string;
  readonly request: string | undefined;
  entries: LogEntry[];
  owner: string;
  writers: number;
  ended: boolean;
  /** Whether the log was ended by `end`. */
  stopped: boolean;
  heldUntil: number;
  keptUntil: number;
  ttl: number;
}

type Listener = (entries: readonly LogEntry[]) => void;

/**
 * Keeps the logs of a relay in the memory of this process. This is the default, for a service on one
 * node and for tests.
 *
 * Expired logs are removed when the next log begins; there is no timer. In tests, several relays with the
 * same store behave like nodes with the same Redis.
 *
 * @example
 * ```ts
 * import { createRelay, MemoryStore } from 'claude-rx/relay';
 *
 * const store = new MemoryStore();
 * const [one, other] = [createRelay({ store }), createRelay({ store })];
 * ```
 */
export class MemoryStore implements RelayStore {
  readonly #logs = new Map<string, Log>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #endListeners = new Map<string, Set<() => void>>();

  async begin(id: string, { tag, request, owner, lease, ttl }: NewLog): Promise<boolean> {
    const now = Date.now();
    for (const [old, { keptUntil }] of this.#logs) if (keptUntil <= now) this.#logs.delete(old);
    const log = this.#logs.get(id);
    if (log) return log.owner === owner;
    const held = { heldUntil: now + lease, keptUntil: now + ttl, ttl };
    const start = { tag, request, entries: [], owner, writers: 1, ended: false, stopped: false };
    this.#logs.set(id, { ...start, ...held });
    return true;
  }

  async takeOver(id: string, lease: Lease, writers: number): Promise<boolean> {
    const log = this.#find(id);
    if (!log || log.ended) return false;
    if (log.owner === lease.owner) return true;
    if (log.heldUntil > Date.now() || log.writers >= writers) return false;
    log.owner = lease.owner;
    log.writers++;
    hold(log, lease);
    return true;
  }

  async renew(id: string, lease: Lease): Promise<WriteOutcome> {
    return this.#write(id, lease, () => 'done');
  }

  async append(id: string, lease: Lease, { after, entries, ends }: Batch): Promise<WriteOutcome> {
    const own = this.#find(id);
    const isWriters = own !== undefined && own.owner === lease.owner && !own.stopped;
    // This append was done already, and is repeated.
    if (isWriters && lastOf(own) === entries.at(-1)?.number) return 'done';
    return this.#write(id, lease, (log) => {
      if (lastOf(log) !== after) return 'diverged';
      for (const entry of entries) log.entries.push(entry);
      log.ended = ends;
      this.#tell(id, entries);
      return 'done';
    });
  }

  async compact(id: string, lease: Lease, entries: readonly LogEntry[]): Promise<WriteOutcome> {
    return this.#write(id, lease, (log) => {
      if (lastOf(log) !== entries.at(-1)?.number) return 'diverged';
      log.entries = [...entries];
      return 'done';
    });
  }

  async end(id: string, data: string): Promise<boolean> {
    const log = this.#find(id);
    if (!log || log.ended) return false;
    const entry = { number: lastOf(log) + 1, data };
    log.entries.push(entry);
    log.ended = log.stopped = true;
    log.keptUntil = Date.now() + log.ttl;
    this.#tell(id, [entry]);
    for (const listener of this.#endListeners.get(id) ?? []) listener();
    return true;
  }

  async head(id: string): Promise<LogHead | undefined> {
    const log = this.#find(id);
    if (!log) return undefined;
    const { tag, request, ended, writers, heldUntil } = log;
    return { tag, request, ended, writers, last: lastOf(log), remaining: heldUntil - Date.now() };
  }

  async read(
    id: string,
    after: number,
    limit: number,
    size: number = Infinity,
  ): Promise<readonly LogEntry[]> {
    const entries = this.#find(id)?.entries ?? [];
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (entries[middle]!.number > after) high = middle;
      else low = middle + 1;
    }
    let end = low;
    const last = Math.min(entries.length, low + limit);
    for (let read = 0; end < last && read < size; end++) read += entries[end]!.data.length;
    return entries.slice(low, end);
  }

  watch(id: string, _after: number, listener: (entries: readonly LogEntry[]) => void): () => void {
    return listen(this.#listeners, id, listener);
  }

  watchEnd(id: string, listener: () => void): () => void {
    return listen(this.#endListeners, id, listener);
  }

  async orphans(): Promise<readonly string[]> {
    const now = Date.now();
    const isOrphan = ({ ended, heldUntil, keptUntil }: Log) =>
      !ended && heldUntil <= now && keptUntil > now;
    return [...this.#logs].filter(([, log]) => isOrphan(log)).map(([id]) => id);
  }

  #find(id: string): Log | undefined {
    const log = this.#logs.get(id);
    if (!log || log.keptUntil > Date.now()) return log;
    this.#logs.delete(id);
    return undefined;
  }

  #write(id: string, lease: Lease, action: (log: Log) => WriteOutcome): WriteOutcome {
    const log = this.#find(id);
    if (!log) return 'unknown';
    if (log.owner !== lease.owner) return 'superseded';
    if (log.ended) return 'ended';
    const outcome = action(log);
    if (outcome === 'done') hold(log, lease);
    return outcome;
  }

  #tell(id: string, entries: readonly LogEntry[]): void {
    for (const listener of this.#listeners.get(id) ?? []) listener(entries);
  }
}

function hold(log: Log, { lease, ttl }: Lease): void {
  const now = Date.now();
  log.heldUntil = now + lease;
  log.keptUntil = now + ttl;
  log.ttl = ttl;
}

function lastOf({ entries }: Log): number {
  return entries.at(-1)?.number ?? 0;
}

/** Adds a listener. Returns a function that removes it. */
function listen<L>(listeners: Map<string, Set<L>>, id: string, listener: L): () => void {
  const own = listeners.get(id) ?? new Set();
  listeners.set(id, own.add(listener));
  return () => {
    own.delete(listener);
    if (own.size === 0 && listeners.get(id) === own) listeners.delete(id);
  };
}
