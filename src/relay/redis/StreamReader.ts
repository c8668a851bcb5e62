import type { LogEntry } from '../RelayStore.ts';
import type { RedisClient } from './RedisClient.ts';

type Listener = (entries: readonly LogEntry[]) => void;

/** A stream that is read, from an id on, for those who listen. */
interface Followed {
  id: string;
  readonly listeners: Set<Listener>;
}

/** After so many milliseconds without news Redis answers all the same. */
const BLOCK = 5_000;
/** An answer that is so much later does not come: the connection is dead and does not know it. */
const LATE = 5_000;
const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 1_000;
/** As many entries of a stream are read at once. */
const COUNT = '256';
/** A stream that only wakes is kept so long, in milliseconds. */
const WAKE_TTL = '60000';

/**
 * Reads any number of streams for any number of listeners, with one blocking `XREAD` on one
 * connection.
 *
 * A read that waits is for the streams that were followed when it began. To have another one read
 * it is woken, by an entry in a stream of this reader's own: unlike `CLIENT UNBLOCK`, that cannot come
 * too early. https://redis.io/docs/latest/commands/xread/
 */
export class StreamReader {
  readonly #client: RedisClient;
  readonly #wakeKey: string;
  readonly #followed = new Map<string, Followed>();
  #connection: RedisClient | undefined;
  #wokenAt = '0-0';
  #isRunning = false;
  #isWaking = false;
  #isClosed = false;

  constructor(client: RedisClient, wakeKey: string) {
    this.#client = client;
    this.#wakeKey = wakeKey;
  }

  /** Gives the entries of a stream after an id. Returns what ends it. */
  follow(key: string, id: string, listener: Listener): () => void {
    let followed = this.#followed.get(key);
    if (!followed) {
      followed = { id, listeners: new Set() };
      this.#followed.set(key, followed);
      if (this.#isRunning) this.#wake();
      else void this.#run();
    }
    const { listeners } = followed;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#followed.get(key)?.listeners === listeners) {
        this.#followed.delete(key);
      }
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#followed.clear();
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  /** Once for all that is followed in one go. */
  #wake(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(() => {
      this.#isWaking = false;
      const wake = ['XADD', this.#wakeKey, 'MAXLEN', '1', '*', 'w', ''];
      const expire = ['PEXPIRE', this.#wakeKey, WAKE_TTL];
      // Where it is lost, the read that waits ends by itself, a little later.
      for (const command of [wake, expire]) this.#client.sendCommand(command).catch(() => {});
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let wait = SHORTEST_WAIT; !this.#isClosed && this.#followed.size > 0;) {
      try {
        const streams = new Map([...this.#followed].map(([key, { id }]) => [key, id]));
        this.#give(await this.#read(streams));
        wait = SHORTEST_WAIT;
      } catch {
        // Redis is away; what is read goes on from where it was.
        await new Promise((resolve) => setTimeout(resolve, wait));
        wait = Math.min(wait * 2, LONGEST_WAIT);
      }
    }
    this.#isRunning = false;
  }

  async #read(streams: ReadonlyMap<string, string>): Promise<unknown> {
    const connection = await this.#connected();
    const keys = [this.#wakeKey, ...streams.keys()];
    const ids = [this.#wokenAt, ...streams.values()];
    const read = ['XREAD', 'COUNT', COUNT, 'BLOCK', String(BLOCK), 'STREAMS', ...keys, ...ids];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#connection = undefined;
        connection.destroy();
        reject(new Error('XREAD has not answered'));
      }, BLOCK + LATE);
    });
    try {
      return await Promise.race([connection.sendCommand(read), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #connected(): Promise<RedisClient> {
    // One whose reconnecting was given up is not open any more.
    if (this.#connection?.isOpen) return this.#connection;
    const connection = this.#client.duplicate();
    this.#connection = connection;
    // The read says that it failed.
    connection.on('error', () => {});
    await connection.connect();
    if (this.#isClosed) connection.destroy();
    return connection;
  }

  #give(reply: unknown): void {
    for (const [key, entries] of streamsIn(reply)) {
      const last = String(entries.at(-1)?.[0]);
      if (key === this.#wakeKey) {
        this.#wokenAt = last;
        continue;
      }
      const followed = this.#followed.get(key);
      if (!followed || entries.length === 0) continue;
      followed.id = last;
      const told = entries.map(toLogEntry);
      for (const listener of followed.listeners) listener(told);
    }
  }
}

/** An entry as Redis gives it: its id, and its fields, each followed by its value. */
export type StreamEntry = readonly [id: unknown, fields: unknown];

/** Entry `7-0`, with the field `d`. What is no entry of ours has no data, and is refused when read. */
export function toLogEntry([id, fields]: StreamEntry): LogEntry {
  const number = Number.parseInt(String(id), 10);
  const isOurs = Array.isArray(fields) && fields.length === 2 && String(fields[0]) === 'd';
  return { number, data: isOurs ? String(fields[1]) : '' };
}

/** With protocol version 2 the streams are a list of pairs, with version 3 a map. */
function streamsIn(reply: unknown): Iterable<[string, readonly StreamEntry[]]> {
  if (reply === null || reply === undefined) return [];
  const pairs =
    reply instanceof Map || Array.isArray(reply) ? [...reply] : Object.entries(reply as object);
  return pairs.map(([key, entries]) => [String(key), entries]);
}
