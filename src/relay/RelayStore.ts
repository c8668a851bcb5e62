/** An entry of a log: a text that the store does not look into. */
export interface LogEntry {
  /** Its place: 1 or more, greater than that of the entry before. */
  readonly number: number;
  readonly data: string;
  /** Whether no writer of this log has appended it: for a reader it is an error. */
  readonly isForeign?: boolean;
}

/** Who may write to a log, and until when. */
export interface Lease {
  /** A random text of the writer's own. A writer that was superseded is told by it, and refused. */
  readonly owner: string;
  /** For how many milliseconds from now the lease holds; 0 gives it up. */
  readonly lease: number;
  /** For how many milliseconds from now the log is kept. */
  readonly ttl: number;
}

/** What a log is begun with. */
export interface NewLog extends Lease {
  /** A random text of this log's own. */
  readonly tag: string;
  /** A text to be kept with the log. */
  readonly request?: string | undefined;
}

/** What is known of a log. */
export interface LogHead {
  readonly tag: string;
  /** The number of the last entry; 0 while there is none. */
  readonly last: number;
  /** Whether the last entry is the ending, after which nothing is appended. */
  readonly ended: boolean;
  /** For how many milliseconds the lease still holds, by the store's clock; 0 or less: it has run out. */
  readonly remaining: number;
  /** How many writers the log has had. */
  readonly writers: number;
  readonly request?: string | undefined;
}

/**
 * What became of a write.
 *
 * | | |
 * |---|---|
 * | `done` | it is stored, as safely as the store stores anything |
 * | `unknown` | there is no such log (any more) |
 * | `superseded` | the lease is somebody else's |
 * | `ended` | the log has ended |
 * | `diverged` | the entries are not those that the writer knows of: the store has lost some, or another client has changed the log |
 */
export type WriteOutcome = 'done' | 'unknown' | 'superseded' | 'ended' | 'diverged';

/** Entries to be appended, all or none. */
export interface Batch {
  /** The number of the entry that they follow. */
  readonly after: number;
  readonly entries: readonly LogEntry[];
  /** Whether the last of them is the ending. */
  readonly ends: boolean;
}

/**
 * Where a relay keeps its logs: one for each reply. `MemoryStore` and `RedisStore` are two; for
 * another, such as Kafka or NATS JetStream, `relayStoreContract` in `claude-rx/testing/relay-store`
 * says whether it holds.
 *
 * - Each method is atomic: of writers on any number of nodes, it is as if one came after the other.
 * - A promise that rejects means that the store could not be reached. It is then not known whether a
 *   write was done, and the relay tries it again: each of them may be repeated, and is `done` then,
 *   too. Rejecting with a `MessageStreamError` that is not `retryable` is final: it is not tried again.
 * - A log that has not been written to, nor its lease renewed, for its `ttl` is forgotten.
 */
export interface RelayStore {
  /** Begins a log. `false`: there is one with this id, that another owner has begun. */
  begin(id: string, log: NewLog): Promise<boolean>;

  /**
   * Makes another owner the writer of a log that has not ended and whose lease has run out. Of any
   * number that try, one succeeds. `false`: it did not, or the log has had `writers` of them.
   */
  takeOver(id: string, lease: Lease, writers: number): Promise<boolean>;

  /** Renews the lease, also one that has run out but was not taken over. */
  renew(id: string, lease: Lease): Promise<WriteOutcome>;

  /** Appends entries, and renews the lease. */
  append(id: string, lease: Lease, batch: Batch): Promise<WriteOutcome>;

  /**
   * Puts these entries in the place of all up to and including the number of the last of them, which
   * is the last of the log.
   */
  compact(id: string, lease: Lease, entries: readonly LogEntry[]): Promise<WriteOutcome>;

  /**
   * Ends a log, whichever node writes it, with an entry that follows the last. `false`: there is none, or it
   * has ended.
   */
  end(id: string, data: string): Promise<boolean>;

  /** What is known of a log; `undefined` where there is none. */
  head(id: string): Promise<LogHead | undefined>;

  /**
   * The entries with a number above `after`, `limit` of them at most, in order. A page that has `size`
   * characters of data or more may end there: the rest is then read by another call. Default of `size`:
   * no such end.
   */
  read(id: string, after: number, limit: number, size?: number): Promise<readonly LogEntry[]>;

  /**
   * Tells of entries after `after`, which was the last one or before it, as they are appended; each
   * once or more often, in order. It may also tell of none: that is to say, look. Returns what ends it.
   */
  watch(id: string, after: number, listener: (entries: readonly LogEntry[]) => void): () => void;

  /** Tells, at once or a little later, that a log may have been ended by `end`. Returns what ends it. */
  watchEnd(id: string, listener: () => void): () => void;

  /**
   * Ids of logs that have not ended and whose lease has run out, as far as there may be new ones. A log
   * that was given to one caller may be kept from others for two `lease`s, in milliseconds. Without this
   * method, a reply whose node has died waits for a reader.
   */
  orphans?(lease: number): Promise<readonly string[]>;
}
