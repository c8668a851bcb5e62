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
  /** Where the replies are kept. Default: a `MemoryStore`, for one node. */
  store?: RelayStore;
  /**
   * For how many milliseconds the node that writes a reply may be silent before it is taken for dead;
   * it says that it lives three times in that time. Default: 10,000.
   */
  lease?: number;
  /** For how many milliseconds a reply is kept after it was last written to. Default: 3,600,000. */
  ttl?: number;
  /**
   * From so many entries on the log of a reply is compacted: adjacent deltas become one, and nothing
   * is lost, not even an offset. Default: 5,000.
   */
  maxEvents?: number;
  /** The most characters that an event may have as JSON. Default: 4,194,304. */
  maxEventSize?: number;
  /**
   * The most characters of a reply that wait while the store is away; with more of them the reply is
   * given up, and its request aborted. A `valve` keeps them fewer. Default: 8,388,608.
   */
  maxBuffered?: number;
  /**
   * From so many characters on, what a reader has read of the log and not taken yet is not added to: the
   * rest stays in the log. Default: 1,048,576.
   */
  maxUnread?: number;
  /** For how many milliseconds the store may be away before a reader or a reply is given up. Default: 30,000. */
  patience?: number;
  /**
   * Carries a reply on whose node has died: `({ request, partial }) => fromMessages(client,
   * continueFrom(request, partial))`. It is called on one node of those that have somebody who follows
   * the reply; who follows sees one message, joined as by `retryResumable`. Default: such a reply
   * is an error.
   */
  resume?: (context: TakeOverContext<E>) => ObservableInput<E>;
  /** How many times a reply is carried on at most. Default: 3. */
  maxTakeOvers?: number;
  /**
   * What becomes of a reply whose node has died and that nobody follows, about two leases later:
   * `resume` carries it on, `end` ends it with an error of code `connection`, `keep` leaves it to the
   * next reader. Needs a store that finds them, as `MemoryStore` and `RedisStore` do. Default: `resume`
   * where there is the option `resume`, else `end`.
   */
  orphans?: OrphanPolicy | undefined;
}

/** What becomes of a reply whose node has died and that nobody follows. */
export type OrphanPolicy = 'resume' | 'end' | 'keep';

/** What is known of a reply whose node has died. */
export interface TakeOverContext<E extends EncodableEvent> extends ResumeContext<
  Extract<E, AnyStreamEvent>
> {
  readonly id: string;
  /** What `publish` was given as `request`. */
  // The caller knows what it has given.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly request: any;
}

export interface PublishOptions {
  /** What another node needs to carry the reply on, as JSON; readers do not see it. */
  request?: unknown;
  /** The valve of the source, which then waits while the store is slow or away. */
  valve?: Valve | undefined;
}

/** A reply that is being written. */
export interface Publication {
  readonly id: string;
  /** How the writing ended on this node; never rejects. */
  readonly concluded: Promise<Conclusion>;
}

export interface FollowOptions {
  /** The offset of the last event that was received. Default: from the beginning. */
  after?: string | undefined;
  /** Makes the log wait while a slow step is behind: see `Valve`. */
  valve?: Valve | undefined;
  /**
   * Whether the `partial` of an error holds the content. With `false` there is none, and a reply of
   * any length takes no memory. Default: `true`.
   */
  keepContent?: boolean | undefined;
}

export interface RelayStatus {
  /** `lost`: the node that wrote it has gone, and none has carried it on. */
  readonly state: 'streaming' | 'complete' | 'error' | 'stopped' | 'lost';
  /** Of the last entry, to follow what comes after it; `undefined` while there is none. */
  readonly offset: string | undefined;
  /** Whether the reply is over, and there is nothing after the offset that was asked about. */
  readonly isConsumed: boolean;
  /** What it ended with, without `partial`. */
  readonly error?: MessageStreamError | undefined;
}

export interface Relay<E extends EncodableEvent = StreamEvent> {
  /**
   * Writes a reply to its log. The source is subscribed when the log has begun, and stays
   * subscribed until the reply ends, with or without readers; every event is in the log before anybody
   * is given it.
   *
   * Rejects with code `request` and status 409 when there is a reply with this id, `connection` when
   * the store cannot be reached. Without an `id`, one is made that nobody can guess.
   */
  publish(source: Observable<E>, options?: PublishOptions): Promise<Publication>;
  publish(id: string, source: Observable<E>, options?: PublishOptions): Promise<Publication>;

  /**
   * The reply: what there is of it, merged, then live; completes or errors as the source did. Leaving
   * it does nothing to the reply.
   *
   * Errors that are not the source's own: `request` with status 404 (no such reply) or 400 (the offset
   * is unknown), `aborted` (it was stopped), `connection` (its node has gone, or the store), and
   * `protocol` (the log holds what is no entry, or lacks some).
   */
  follow(id: string, options?: FollowOptions): Observable<RelayedEvent<E>>;

  /**
   * Ends a reply from any node, as a person's Stop: aborts its request, and ends all who follow it with
   * code `aborted`. Resolves with `false` when there is none, or it was over.
   */
  stop(id: string, reason?: string): Promise<boolean>;

  /** The status of a reply; `undefined` when there is none. Rejects when `after` is no offset of it. */
  status(id: string, options?: Pick<FollowOptions, 'after'>): Promise<RelayStatus | undefined>;

  /**
   * Leaves the replies that this node writes to others, which need not wait for the lease, aborts
   * their requests, and ends all who follow on this node with code `connection`.
   */
  close(): Promise<void>;
}
