import type { Observable, ObservableInput } from 'rxjs';
import type { ResumeContext } from '../../operators/retryResumable.ts';
import type { Valve } from '../flow/Valve.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyStreamEvent, StreamEvent } from '../message/StreamEvent.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import type { RelayedEvent } from './Follower.ts';
import type { RelayStore } from './RelayStore.ts';
import type { Conclusion } from './Writer.ts';

export interface RelayConfig<E extends EncodableEvent = StreamEvent> {
  /** Where the replies are stored. Default: a `MemoryStore`, for one node. */
  store?: RelayStore;
  /**
   * How long the writing node may be silent before it counts as dead, in milliseconds. It sends a
   * heartbeat every lease / 3. Default: 10,000.
   */
  lease?: number;
  /** How long a reply is kept after the last write, in milliseconds. Default: 3,600,000. */
  ttl?: number;
  /**
   * The number of entries at which the log of a reply is compacted: adjacent deltas are merged. No text is
   * lost, and all offsets stay valid. Default: 5,000.
   */
  maxEvents?: number;
  /**
   * The maximum size of an event, in characters of JSON. A larger event ends the reply with an error.
   * Default: 4,194,304.
   */
  maxEventSize?: number;
  /**
   * The maximum size of events that wait while the store is unavailable, in characters per reply. With
   * more, the reply ends and its request is aborted. A `valve` keeps the number small. Default: 8,388,608.
   */
  maxBuffered?: number;
  /**
   * How much of the log is held in memory for a slow reader, in characters; the rest stays in the log.
   * Default: 1,048,576.
   */
  maxUnread?: number;
  /**
   * How long the store may be unavailable before a reader or a reply fails, in milliseconds. Default:
   * 30,000.
   */
  patience?: number;
  /**
   * Continues a reply whose node has died: `({ request, partial }) => fromMessages(client,
   * continueFrom(request, partial))`. It is called on one node, and readers see a single message, joined
   * as by `retryResumable`. Default: none; such a reply ends with an error.
   */
  resume?: (context: TakeOverContext<E>) => ObservableInput<E>;
  /** How many times a reply may be taken over by another node. Default: 3. */
  maxTakeOvers?: number;
  /**
   * What happens to a reply whose node has died and that has no readers, about two leases later: `resume`
   * continues it, `end` ends it with an error with code `connection`, `keep` leaves it to the next reader.
   * The store must support this, as `MemoryStore` and `RedisStore` do. Default: `resume` if the option
   * `resume` is set, else `end`.
   */
  orphans?: OrphanPolicy | undefined;
}

/** What happens to a reply whose node has died and that has no readers. */
export type OrphanPolicy = 'resume' | 'end' | 'keep';

/** A reply whose node has died. */
export interface TakeOverContext<E extends EncodableEvent> extends ResumeContext<
  Extract<E, AnyStreamEvent>
> {
  readonly id: string;
  /** The `request` that was passed to `publish`. */
  // Its type is known to the caller.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly request: any;
}

export interface PublishOptions {
  /**
   * The parameters of the request, stored as JSON, for a node that takes over. Readers do not get them.
   * Default: none.
   */
  request?: unknown;
  /** The same valve as in the source, which then waits while the store is slow. Default: none. */
  valve?: Valve | undefined;
}

/** A published reply. */
export interface Publication {
  readonly id: string;
  /** Resolves when writing has ended on this node. Never rejects. */
  readonly concluded: Promise<Conclusion>;
}

export interface FollowOptions {
  /** The offset of the last received event. Default: none, from the beginning. */
  after?: string | undefined;
  /** Pauses reading from the log while the valve is closed: see `Valve`. Default: none. */
  valve?: Valve | undefined;
  /**
   * Whether the `partial` of an error holds the content. With `false`, errors have no `partial`, and
   * memory does not grow with the reply. Default: `true`.
   */
  keepContent?: boolean | undefined;
}

export interface RelayStatus {
  /** `lost`: the writing node has died, and no node has taken over. */
  readonly state: 'streaming' | 'complete' | 'error' | 'stopped' | 'lost';
  /** The offset of the last entry; `undefined` if there is none. */
  readonly offset: string | undefined;
  /** Whether the reply has ended, and nothing follows after the offset `after`. */
  readonly isConsumed: boolean;
  /** The error that ended the reply, without `partial`. */
  readonly error?: MessageStreamError | undefined;
}

export interface Relay<E extends EncodableEvent = StreamEvent> {
  /**
   * Writes a reply to its log. The source is subscribed when the log has been created, and stays
   * subscribed until the reply ends, with or without readers. Readers only get events that are in the
   * log.
   *
   * Without an `id`, a random one is generated that cannot be guessed. Rejects with code `request` and
   * status 409 if there is a reply with this id, with code `connection` if the store is unavailable.
   */
  publish(source: Observable<E>, options?: PublishOptions): Promise<Publication>;
  publish(id: string, source: Observable<E>, options?: PublishOptions): Promise<Publication>;

  /**
   * Follows a reply: a replay of the reply so far, with merged deltas, then the rest live. Completes or
   * errors like the source. Unsubscribing does not affect the reply.
   *
   * Additional errors: `request` with status 404 (unknown id) or 400 (unknown offset), `aborted` (the
   * reply was stopped), `connection` (its node has died, or the store is unavailable), and `protocol` (an
   * entry of the log is invalid or missing).
   */
  follow(id: string, options?: FollowOptions): Observable<RelayedEvent<E>>;

  /**
   * Stops a reply, from any node: aborts its request, and its readers get an error with code `aborted`.
   * Resolves with `false` if there is no such reply, or it has ended.
   */
  stop(id: string, reason?: string): Promise<boolean>;

  /** The status of a reply; `undefined` if there is none. Rejects if `after` is not an offset of it. */
  status(id: string, options?: Pick<FollowOptions, 'after'>): Promise<RelayStatus | undefined>;

  /**
   * Shuts this node down: aborts the requests of the replies that it writes, releases their leases so that
   * other nodes can take over at once, and ends all readers on this node with code `connection`.
   */
  close(): Promise<void>;
}
