import type { MessageStreamError } from '../message/MessageStreamError.ts';

/** An entry of a log: a text that the store does not interpret. */
export interface LogEntry {
  /** The number of the entry: 1 or more, greater than the number of the entry before it. */
  readonly number: number;
  readonly data: string;
  /** Whether another client has appended it, not a writer of this log. Readers treat it as an error. */
  readonly isForeign?: boolean;
}

/** The right to write to a log. */
export interface Lease {
  /** A random id of the writer. The store refuses writes of a writer whose lease was taken over. */
  readonly owner: string;
  /** How long the lease lasts from now, in milliseconds; 0 releases it. */
  readonly lease: number;
  /** How long the log is kept from now, in milliseconds. */
  readonly ttl: number;
}

/** The initial values of a log. */
export interface NewLog extends Lease {
  /** A random id of this log. */
  readonly tag: string;
  /** A text to store with the log. */
  readonly request?: string | undefined;
}

/** The state of a log. */
export interface LogHead {
  readonly tag: string;
  /** The number of the last entry; 0 if there is none. */
  readonly last: number;
  /** Whether the last entry is the ending, so that nothing may be appended. */
  readonly ended: boolean;
  /** The rest of the lease in milliseconds, by the clock of the store; 0 or less: it has expired. */
  readonly remaining: number;
  /** How many writers the log has had. */
  readonly writers: number;
  readonly request?: string | undefined;
}

/**
 * The outcome of a write.
 *
 * | | |
 * |---|---|
 * | `done` | stored |
 * | `unknown` | there is no such log, or it has expired |
 * | `superseded` | another owner has the lease |
 * | `ended` | the log has ended |
 * | `diverged` | the log does not have the entries that the writer expects: the store has lost some, or another client has changed the log |
 */
export type WriteOutcome = 'done' | 'unknown' | 'superseded' | 'ended' | 'diverged';

/** Entries to append, all or none. */
export interface Batch {
  /** The number of the entry before them. */
  readonly after: number;
  readonly entries: readonly LogEntry[];
  /** Whether the last entry is the ending. */
  readonly ends: boolean;
}

/**
 * The store of a relay, with one log for each reply. `MemoryStore` and `RedisStore` are included. To
 * test another store, for example on Kafka or NATS JetStream, use `relayStoreContract` of
 * `claude-rx/testing/relay-store`.
 *
 * - Each method is atomic, with writers on any number of nodes.
 * - Reject a promise if the store cannot be reached. The relay then does not know whether the write was
 *   done, and repeats it: a repeated write must have no further effect, and resolve with `done`. To
 *   prevent a repetition, reject with a `MessageStreamError` that is not `retryable`.
 * - A log is deleted `ttl` milliseconds after the last write or renewal of its lease.
 */
export interface RelayStore {
  /** Creates a log. Resolves with `false` if another owner has created a log with this id. */
  begin(id: string, log: NewLog): Promise<boolean>;

  /**
   * Makes another owner the writer of a log that has not ended and whose lease has expired. If several
   * try, exactly one succeeds. Resolves with `false` if another has succeeded, or if the log has had
   * `writers` writers.
   */
  takeOver(id: string, lease: Lease, writers: number): Promise<boolean>;

  /** Renews the lease, also if it has expired but was not taken over. */
  renew(id: string, lease: Lease): Promise<WriteOutcome>;

  /** Appends entries, and renews the lease. */
  append(id: string, lease: Lease, batch: Batch): Promise<WriteOutcome>;

  /**
   * Replaces all entries of the log with these. The number of the last one must be that of the last entry
   * of the log.
   */
  compact(id: string, lease: Lease, entries: readonly LogEntry[]): Promise<WriteOutcome>;

  /**
   * Ends a log, regardless of its writer, by appending `data` as the last entry. Resolves with `false` if
   * there is no such log, or it has ended.
   */
  end(id: string, data: string): Promise<boolean>;

  /** The state of a log; `undefined` if there is none. */
  head(id: string): Promise<LogHead | undefined>;

  /**
   * Reads up to `limit` entries with a number above `after`, in order. A page may end early when it has
   * `size` characters of data or more; the relay then reads the rest with another call. Default of
   * `size`: no limit.
   */
  read(id: string, after: number, limit: number, size?: number): Promise<readonly LogEntry[]>;

  /**
   * Calls `listener` with entries after `after` as they are appended: each at least once, in order. An
   * empty list means that the relay should check the log. Calls `failed` when no more entries will come,
   * because of a permanent error. Returns a function that stops watching.
   */
  watch(
    id: string,
    after: number,
    listener: (entries: readonly LogEntry[]) => void,
    failed?: (error: MessageStreamError) => void,
  ): () => void;

  /**
   * Calls `listener`, without much delay, when a log may have been ended by `end`. Returns a function that
   * stops watching.
   */
  watchEnd(id: string, listener: () => void): () => void;

  /**
   * Ids of logs that have not ended and whose lease has expired. `lease` is in milliseconds; a log that
   * one caller has got may be withheld from others for two leases. Without this method, a reply whose
   * node has died stays unfinished until a reader comes.
   */
  orphans?(lease: number): Promise<readonly string[]>;
}
