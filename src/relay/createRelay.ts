import { firstValueFrom, Observable, type ObservableInput, throwError } from 'rxjs';
import type { ResumeContext } from '../../operators/retryResumable.ts';
import type { Valve } from '../flow/Valve.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyStreamEvent, StreamEvent } from '../message/StreamEvent.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { relayConfig } from './relayConfig.ts';
import { Follower, type RelayedEvent } from './Follower.ts';
import { MemoryStore } from './MemoryStore.ts';
import { numberOf, offsetOf } from './offset.ts';
import { askStore } from './askStore.ts';
import { closedRelay, knownReply, stoppedReply, unknownReply, wrongOffset } from './relayErrors.ts';
import { decodeEntry, encodeEnding } from './RelayEntry.ts';
import { checkId, randomId, randomText } from './relayId.ts';
import type { Lease, LogEntry, LogHead, RelayStore } from './RelayStore.ts';
import { LogWatch } from './LogWatch.ts';
import { restAfter } from './restAfter.ts';
import { type Conclusion, Writer } from './Writer.ts';

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
}

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
   * Writes a reply to its log. The source is subscribed when the log has begun, and stays so whoever
   * comes and goes; every event is in the log before anybody is given it.
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
   * is none of it), `aborted` (it was stopped), `connection` (its node has gone, or the store), and
   * `protocol` (the log holds what is no entry, or lacks some).
   */
  follow(id: string, options?: FollowOptions): Observable<RelayedEvent<E>>;

  /**
   * Ends a reply from any node, as a person's Stop: aborts its request, and ends all who follow it with
   * code `aborted`. Resolves with `false` when there is none, or it was over.
   */
  stop(id: string, reason?: string): Promise<boolean>;

  /** How a reply stands; `undefined` when there is none. Rejects when `after` is no offset of it. */
  status(id: string, options?: Pick<FollowOptions, 'after'>): Promise<RelayStatus | undefined>;

  /**
   * Leaves the replies that this node writes to others, which need not wait for the lease, aborts
   * their requests, and ends all who follow on this node with code `connection`.
   */
  close(): Promise<void>;
}

/** What there may be around the text of a merged entry: JSON escapes it, and it lists its parts. */
const ENTRY_OVERHEAD = 1_048_576;
const PAGE = 256;

/**
 * Replies that survive a reload, a lost node, and many readers: the log of each is in a store, and
 * whoever knows its id follows it, on any node, from any place.
 *
 * ```text
 * source             --m--a--b------c--S|
 * publish(id)        --M--A--B------C--E      M, A, ...: appended; E: the ending
 * follow(id)         ---m--a--b------c-(S|)
 * late                        (mAB)--c-(S|)   AB: one delta
 * follow after b                  ---c-(S|)
 * ```
 *
 * - Append, then deliver: who follows on the writer's own node reads the log, too. What came while an
 *   append was under way is the next one.
 * - One writer: it holds a lease, and one that has lost it is refused by the store, however late it
 *   wakes up. When its node dies, all who follow get an error with `partial` within the lease time, or
 *   one of their nodes carries the reply on, if it has `resume`.
 * - The ending is an entry of the log, so nobody waits for one that was missed.
 * - An offset is good for the whole life of the log, also after compaction, and is refused for any
 *   other.
 *
 * Only replies of one message are carried on; where tools run, so that there are several, theirs is
 * the error.
 *
 * @throws TypeError when an option is out of its range.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages } from 'claude-rx';
 * import { createRelay } from 'claude-rx/relay';
 *
 * const relay = createRelay();
 *
 * async function ask(client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) {
 *   const { id } = await relay.publish(fromMessages(client, params));
 *   return id; // for the reader: relay.follow(id)
 * }
 * ```
 */
export function createRelay<E extends EncodableEvent = StreamEvent>(
  config: RelayConfig<E> = {},
): Relay<E> {
  return new Node<E>(relayConfig(config));
}

class Node<E extends EncodableEvent> implements Relay<E> {
  readonly #store: RelayStore;
  readonly #config: ReturnType<typeof relayConfig<E>>;
  readonly #writers = new Set<Writer<E>>();
  readonly #watches = new Map<string, LogWatch>();
  #isClosed = false;

  constructor(config: ReturnType<typeof relayConfig<E>>) {
    this.#config = config;
    this.#store = config.store ?? new MemoryStore();
  }

  publish(
    first: string | Observable<E>,
    second?: Observable<E> | PublishOptions,
    third?: PublishOptions,
  ): Promise<Publication> {
    const isNamed = typeof first === 'string';
    const [source, options = {}] = isNamed ? [second, third] : [first, second as PublishOptions];
    if (typeof (source as Partial<Observable<E>> | undefined)?.subscribe !== 'function') {
      throw new TypeError('relay.publish: pass an id and an Observable, or an Observable alone');
    }
    if (isNamed) checkId('relay.publish', first);
    return this.#publish(isNamed ? first : randomId(), source as Observable<E>, options);
  }

  async #publish(
    id: string,
    source: Observable<E>,
    { request, valve }: PublishOptions,
  ): Promise<Publication> {
    if (this.#isClosed) throw closedRelay();
    const lease = this.#lease();
    const log = { ...lease, tag: randomText().slice(0, 12), request: JSON.stringify(request) };
    if (!(await this.#ask(() => this.#store.begin(id, log)))) throw knownReply(id);
    const writer = new Writer<E>(this.#store, id, lease, this.#config);
    this.#write(writer, source, valve);
    return { id, concluded: writer.concluded };
  }

  follow(id: string, options: FollowOptions = {}): Observable<RelayedEvent<E>> {
    checkId('relay.follow', id);
    const { after = '', valve, keepContent = true } = options;
    const { patience, maxEventSize } = this.#config;
    return new Observable<RelayedEvent<E>>((subscriber) => {
      const begin = (head: LogHead | undefined): void => {
        if (this.#isClosed) return subscriber.error(closedRelay());
        if (!head) return subscriber.error(unknownReply(id));
        const number = after === '' ? 0 : numberOf(head.tag, head.last, after);
        if (number === undefined) return subscriber.error(wrongOffset(id));
        const follower = new Follower<E>(this.#store, subscriber, {
          id,
          tag: head.tag,
          after: number,
          keepContent,
          valve,
          patience,
          maxEntrySize: maxEventSize + ENTRY_OVERHEAD,
        });
        if (!head.ended) subscriber.add(this.#join(id, head, follower));
        follower.start(head.ended ? head.last : undefined);
      };
      subscriber.add(
        askStore(() => this.#store.head(id), patience).subscribe({
          next: begin,
          error: (error: unknown) => subscriber.error(error),
        }),
      );
    });
  }

  async stop(id: string, reason?: string): Promise<boolean> {
    checkId('relay.stop', id);
    const ending = encodeEnding({ state: 'stopped', reason });
    return this.#ask(() => this.#store.end(id, ending));
  }

  async status(
    id: string,
    { after = '' }: Pick<FollowOptions, 'after'> = {},
  ): Promise<RelayStatus | undefined> {
    checkId('relay.status', id);
    const head = await this.#ask(() => this.#store.head(id));
    if (!head) return undefined;
    const { tag, last, ended, remaining } = head;
    const number = after === '' ? 0 : numberOf(tag, last, after);
    if (number === undefined) throw wrongOffset(id);
    const offset = last > 0 ? offsetOf(tag, last) : undefined;
    if (!ended) {
      return { state: remaining > 0 ? 'streaming' : 'lost', offset, isConsumed: false };
    }
    const [[final], remainder] = await Promise.all([
      this.#ask(() => this.#store.read(id, last - 1, 1)),
      this.#ask(() => this.#store.read(id, number, 2)),
    ]);
    if (!final) return undefined;
    const { ending } = decodeEntry(final, Infinity);
    const state = ending?.state ?? 'error';
    // Of an ending that is no error a reader is told nothing that it does not know.
    const isConsumed = remainder.length === 0 || (remainder.length === 1 && state === 'complete');
    if (ending?.state === 'error') return { state, offset, isConsumed, error: ending.error };
    const error = ending?.state === 'stopped' ? stoppedReply(ending.reason) : undefined;
    return { state, offset, isConsumed, error };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const tail of this.#watches.values()) tail.end(0, closedRelay());
    await Promise.all([...this.#writers].map((writer) => writer.release()));
  }

  /** Has a follower told of what is new. Returns what ends that. */
  #join(id: string, head: LogHead, follower: Follower<E>): () => void {
    let tail = this.#watches.get(id);
    if (!tail || tail.isOver || tail.tag !== head.tag) {
      tail = new LogWatch(this.#store, id, head, {
        ...this.#config,
        takeOver: (seen) => this.#takeOver(id, seen),
      });
      this.#watches.set(id, tail);
    }
    const joined = tail;
    joined.add(follower);
    return () => {
      joined.delete(follower);
      if (!joined.isEmpty) return;
      joined.close();
      if (this.#watches.get(id) === joined) this.#watches.delete(id);
    };
  }

  /** Whether somebody carries the reply on: this node, or another that was quicker. */
  async #takeOver(id: string, head: LogHead): Promise<boolean> {
    const { resume, maxTakeOvers } = this.#config;
    if (!resume || this.#isClosed) return false;
    const lease = this.#lease();
    if (!(await this.#ask(() => this.#store.takeOver(id, lease, maxTakeOvers + 1)))) {
      const now = await this.#ask(() => this.#store.head(id));
      return now !== undefined && (now.ended || now.remaining > 0);
    }
    const entries = await this.#readAll(id);
    const follows = { last: entries.at(-1)?.number ?? 0, count: entries.length };
    const writer = new Writer<E>(this.#store, id, lease, this.#config, follows);
    this.#write(writer, this.#rest(id, head, entries, resume));
    return true;
  }

  #rest(
    id: string,
    { request }: LogHead,
    entries: readonly LogEntry[],
    resume: NonNullable<RelayConfig<E>['resume']>,
  ): Observable<E> {
    type Event = Extract<E, AnyStreamEvent>;
    try {
      const events = entries.map((entry) => decodeEntry<Event>(entry, Infinity).event!);
      const context = { id, request: request === undefined ? undefined : JSON.parse(request) };
      return restAfter<Event>(events, (known) => resume({ ...known, ...context }) as never);
    } catch (error) {
      return throwError(() => error);
    }
  }

  async #readAll(id: string): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for (let page: readonly LogEntry[] = []; ;) {
      page = await this.#ask(() => this.#store.read(id, entries.at(-1)?.number ?? 0, PAGE));
      for (const entry of page) entries.push(entry);
      if (page.length < PAGE) return entries;
    }
  }

  #write(writer: Writer<E>, source: Observable<E>, valve?: Valve): void {
    this.#writers.add(writer);
    void writer.concluded.then(() => this.#writers.delete(writer));
    writer.start(source, valve);
  }

  #lease(): Lease {
    return { owner: randomText(), lease: this.#config.lease, ttl: this.#config.ttl };
  }

  #ask<T>(ask: () => Promise<T>): Promise<T> {
    return firstValueFrom(askStore(ask, this.#config.patience));
  }
}
