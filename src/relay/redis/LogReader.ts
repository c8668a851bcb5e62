import type { MessageStreamError } from '../../message/MessageStreamError.ts';
import { isPermanent } from '../askStore.ts';
import type { LogEntry } from '../RelayStore.ts';
import type { MessageListener } from './RedisClient.ts';
import type { RedisConnection } from './RedisConnection.ts';
import { SEPARATOR } from './scripts.ts';

/** A follower of a log on this node. */
interface LogListener {
  readonly more: (entries: readonly LogEntry[]) => void;
  readonly fail: (error: MessageStreamError) => void;
}

/** A page of a log: the number of the last entry of the log, and some entries. */
export interface LogPage {
  readonly last: number;
  readonly entries: readonly LogEntry[];
}

/** A log that is followed on this node. */
interface Followed {
  readonly id: string;
  readonly channel: string;
  readonly listeners: Set<LogListener>;
  readonly hear: MessageListener;
  /** The number of the last entry that was passed to the listeners. */
  last: number;
  /** During a read, messages are dropped, because their entries are read too. */
  isReading: boolean;
  hasNews: boolean;
}

const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 1_000;
/** An ending is always read from the log, because other clients may publish messages too. */
const ENDING = /^\{"v":\d+,(?:"follows":\d+,)?"end":/;
/** How many entries are read at once, at most, and the bytes at which a page ends. */
const PAGE = 256;
const PAGE_SIZE = 1_048_576;

type ReadPage = (
  id: string,
  after: number,
  limit: number,
  bytes: number,
) => Promise<LogPage | undefined>;

/**
 * Passes new entries of logs to listeners, in order and without a gap.
 *
 * Each append publishes its entries to the channel of the log. A node subscribes once to a channel, for all
 * listeners. Pub/sub may lose messages, so each message has the number of the entry before it. Missing
 * entries are read from the log: after a gap, and whenever a subscription begins.
 * https://redis.io/docs/latest/develop/pubsub/
 */
export class LogReader {
  readonly #connection: RedisConnection;
  readonly #read: ReadPage;
  readonly #followed = new Map<string, Followed>();
  readonly #unlisten: () => void;
  #isClosed = false;

  constructor(connection: RedisConnection, read: ReadPage) {
    this.#connection = connection;
    this.#read = read;
    this.#unlisten = connection.onReady(() => {
      for (const followed of this.#followed.values()) void this.#catchUp(followed);
    });
  }

  /** Passes the entries after `after`, or a permanent error, to `listener`. Returns what stops this. */
  follow(id: string, channel: string, after: number, listener: LogListener): () => void {
    let followed = this.#followed.get(id);
    if (!followed) {
      const created: Followed = {
        id,
        channel,
        last: after,
        listeners: new Set(),
        hear: (message) => this.#hear(created, String(message)),
        isReading: false,
        hasNews: false,
      };
      followed = created;
      this.#followed.set(id, followed);
      void this.#subscribe(followed);
    } else if (after < followed.last) {
      // The other listeners have already got the entries that this one lacks.
      queueMicrotask(() => followed!.listeners.has(listener) && listener.more([]));
    }
    const joined = followed;
    joined.listeners.add(listener);
    return () => {
      joined.listeners.delete(listener);
      if (joined.listeners.size === 0) this.#leave(joined);
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#unlisten();
    for (const followed of this.#followed.values()) this.#leave(followed);
  }

  #leave(followed: Followed): void {
    if (!this.#isFollowed(followed)) return;
    this.#followed.delete(followed.id);
    this.#connection.logs.unsubscribe(followed.channel, followed.hear).catch(() => {});
  }

  #isFollowed(followed: Followed): boolean {
    return this.#followed.get(followed.id) === followed;
  }

  async #subscribe(followed: Followed): Promise<void> {
    const { channel, hear } = followed;
    await this.#untilDone(followed, () => this.#connection.logs.subscribe(channel, hear));
    if (this.#isFollowed(followed)) void this.#catchUp(followed);
  }

  /** Handles a message: empty, the number of the last entry, or entries with the number before them. */
  #hear(followed: Followed, message: string): void {
    if (followed.isReading) {
      followed.hasNews = true;
      return;
    }
    if (message === '') return this.#tell(followed, []);
    const parts = message.split(SEPARATOR);
    const after = Number(parts[0]);
    const isEnding = parts.length > 1 && ENDING.test(parts.at(-1)!);
    if (parts.length > 1 && after === followed.last) {
      // Entries before an ending are delivered without waiting for the ending to be read.
      const entries = entriesIn(isEnding ? parts.slice(0, -2) : parts);
      if (entries.length > 0) this.#tell(followed, entries);
      if (!isEnding) return;
    }
    const number = Number(parts.at(-2) ?? after);
    const isHeartbeat = parts.length === 1;
    // If the log has fewer entries than before, the listeners must check it.
    if (number > followed.last || isEnding || (isHeartbeat && number < followed.last)) {
      void this.#catchUp(followed);
    }
  }

  async #catchUp(followed: Followed): Promise<void> {
    followed.hasNews = true;
    if (followed.isReading) return;
    followed.isReading = true;
    while (followed.hasNews && this.#isFollowed(followed)) {
      followed.hasNews = false;
      const page = await this.#untilDone(followed, () =>
        this.#read(followed.id, followed.last, PAGE, PAGE_SIZE),
      );
      if (!this.#isFollowed(followed)) break;
      // The log has disappeared, or has fewer entries than before: the listeners must check it.
      if (page === undefined || page.last < followed.last) this.#tell(followed, []);
      else if (page.entries.length > 0) this.#tell(followed, page.entries);
      if (page && (page.entries.at(-1)?.number ?? page.last) < page.last) followed.hasNews = true;
    }
    followed.isReading = false;
  }

  #tell(followed: Followed, entries: readonly LogEntry[]): void {
    followed.last = Math.max(followed.last, entries.at(-1)?.number ?? 0);
    for (const { more } of followed.listeners) more(entries);
  }

  #fail(followed: Followed, error: MessageStreamError): void {
    this.#leave(followed);
    for (const { fail } of followed.listeners) fail(error);
  }

  /** Retries while Redis is unavailable. */
  async #untilDone<T>(followed: Followed, action: () => Promise<T>): Promise<T | undefined> {
    for (let wait = SHORTEST_WAIT; !this.#isClosed && this.#isFollowed(followed);) {
      try {
        return await action();
      } catch (error) {
        if (isPermanent(error)) {
          if (this.#isFollowed(followed)) this.#fail(followed, error);
          return undefined;
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
        wait = Math.min(wait * 2, LONGEST_WAIT);
      }
    }
    return undefined;
  }
}

function entriesIn(parts: readonly string[]): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let at = 1; at + 1 < parts.length; at += 2) {
    entries.push({ number: Number(parts[at]), data: parts[at + 1]! });
  }
  return entries;
}
