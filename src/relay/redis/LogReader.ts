import type { LogEntry } from '../RelayStore.ts';
import type { MessageListener } from './RedisClient.ts';
import type { RedisConnection } from './RedisConnection.ts';
import { SEPARATOR } from './scripts.ts';

type Listener = (entries: readonly LogEntry[]) => void;

/** What was read: the number of the last entry of the log, and entries. */
export interface LogPage {
  readonly last: number;
  readonly entries: readonly LogEntry[];
}

/** A log that is followed on this node. */
interface Followed {
  readonly id: string;
  readonly channel: string;
  readonly listeners: Set<Listener>;
  readonly hear: MessageListener;
  /** The number of the last entry that the listeners were told. */
  last: number;
  /** While entries are read, messages are not kept: what they bring is read, too. */
  isReading: boolean;
  hasNews: boolean;
}

const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 1_000;
/** An ending is read from the log, where only the writer's counts: anybody may publish a message. */
const ENDING = /^\{"v":\d+,(?:"follows":\d+,)?"end":/;
/** As many entries are read at once, at most, and no more behind so many bytes. */
const PAGE = 256;
const PAGE_SIZE = 1_048_576;

type ReadPage = (
  id: string,
  after: number,
  limit: number,
  bytes: number,
) => Promise<LogPage | undefined>;

/**
 * Tells listeners what is appended to logs, in order and without a gap.
 *
 * Each append is published with its entries to the channel of its log. A node subscribes to it once,
 * however many listeners there are. Pub/sub may lose messages, so each names the entry that it follows,
 * and what is missing is read from the log: after a gap, and each time that a subscription begins.
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

  /** Gives the entries of a log after a number. Returns what ends it. */
  follow(id: string, channel: string, after: number, listener: Listener): () => void {
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
      // The others have been told already what this one lacks.
      queueMicrotask(() => followed!.listeners.has(listener) && listener([]));
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

  /** One message: nothing, the number of the last entry, or entries after the one that they follow. */
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
      // What comes before an ending need not wait until that is read.
      const entries = entriesIn(isEnding ? parts.slice(0, -2) : parts);
      if (entries.length > 0) this.#tell(followed, entries);
      if (!isEnding) return;
    }
    const number = Number(parts.at(-2) ?? after);
    const isHeartbeat = parts.length === 1;
    // With fewer entries than were told, the listeners are told to look.
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
      // The log is not there any more, or has fewer entries than it had: the listeners look.
      if (page === undefined || page.last < followed.last) this.#tell(followed, []);
      else if (page.entries.length > 0) this.#tell(followed, page.entries);
      if (page && (page.entries.at(-1)?.number ?? page.last) < page.last) followed.hasNews = true;
    }
    followed.isReading = false;
  }

  #tell(followed: Followed, entries: readonly LogEntry[]): void {
    followed.last = Math.max(followed.last, entries.at(-1)?.number ?? 0);
    for (const listener of followed.listeners) listener(entries);
  }

  /** Tries again while Redis is away. */
  async #untilDone<T>(followed: Followed, action: () => Promise<T>): Promise<T | undefined> {
    for (let wait = SHORTEST_WAIT; !this.#isClosed && this.#isFollowed(followed);) {
      try {
        return await action();
      } catch {
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
