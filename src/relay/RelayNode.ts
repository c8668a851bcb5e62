import { firstValueFrom, Observable, throwError } from 'rxjs';
import type { Valve } from '../flow/Valve.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import type { relayConfig } from './relayConfig.ts';
import { Follower, type RelayedEvent } from './Follower.ts';
import { MemoryStore } from './MemoryStore.ts';
import { numberOf, offsetOf } from './offset.ts';
import { askStore } from './askStore.ts';
import {
  closedRelay,
  knownReply,
  lostWriter,
  stoppedReply,
  unknownReply,
  wrongOffset,
} from './relayErrors.ts';
import { decodeEntry, encodeEnding } from './RelayEntry.ts';
import { checkId, randomId, randomText } from './relayId.ts';
import type { Lease, LogEntry, LogHead, RelayStore } from './RelayStore.ts';
import { LogWatch } from './LogWatch.ts';
import { OrphanWatch } from './OrphanWatch.ts';
import { restAfter } from './restAfter.ts';
import { Writer } from './Writer.ts';
import type {
  RelayConfig,
  PublishOptions,
  Publication,
  FollowOptions,
  RelayStatus,
  Relay,
} from './Relay.ts';

/** Additional characters of a merged entry: JSON escapes, and the lengths of its parts. */
const ENTRY_OVERHEAD = 1_048_576;
const PAGE = 256;

export class RelayNode<E extends EncodableEvent> implements Relay<E> {
  readonly #store: RelayStore;
  readonly #config: ReturnType<typeof relayConfig<E>>;
  readonly #writers = new Set<Writer<E>>();
  readonly #watches = new Map<string, LogWatch>();
  readonly #orphans: OrphanWatch | undefined;
  #isClosed = false;

  constructor(config: ReturnType<typeof relayConfig<E>>) {
    this.#config = config;
    this.#store = config.store ?? new MemoryStore();
    // The default store is not shared, so it has no replies of other nodes.
    if (config.orphans === 'keep' || !config.store?.orphans) return;
    this.#orphans = new OrphanWatch(this.#store, { ...config, settle: (id) => this.#settle(id) });
  }

  publish(
    first: string | Observable<E>,
    second?: Observable<E> | PublishOptions,
    third?: PublishOptions,
  ): Promise<Publication> {
    const isNamed = typeof first === 'string';
    const [source, options = {}] = isNamed ? [second, third] : [first, second as PublishOptions];
    if (typeof (source as Partial<Observable<E>> | undefined)?.subscribe !== 'function') {
      throw new TypeError(
        'relay.publish: pass an Observable of events, or an id and an Observable',
      );
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
    const { patience, maxEventSize, maxUnread } = this.#config;
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
          maxUnread,
          maxEntrySize: maxEventSize + ENTRY_OVERHEAD,
        });
        if (!head.ended) subscriber.add(this.#join(id, head, follower));
        follower.start(head.ended ? head.last : undefined);
      };
      // If the reply is already followed on this node, its head is known.
      const watch = this.#watches.get(id);
      if (watch && !watch.isOver) {
        const { head } = watch;
        if (after === '' || numberOf(head.tag, head.last, after) !== undefined) return begin(head);
      }
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
    // For a reader that has all events, a successful ending is not news.
    const isConsumed = remainder.length === 0 || (remainder.length === 1 && state === 'complete');
    if (ending?.state === 'error') return { state, offset, isConsumed, error: ending.error };
    const error = ending?.state === 'stopped' ? stoppedReply(ending.reason) : undefined;
    return { state, offset, isConsumed, error };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#orphans?.close();
    for (const tail of this.#watches.values()) tail.end(0, closedRelay());
    await Promise.all([...this.#writers].map((writer) => writer.release()));
  }

  /** Adds a reader to the watch of its log. Returns a function that removes it. */
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

  /** Tries to take a reply over. Resolves with whether this node, or a faster one, continues it. */
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

  /** Continues or ends a reply whose node has died. */
  async #settle(id: string): Promise<void> {
    const head = await this.#ask(() => this.#store.head(id));
    if (!head || head.ended || head.remaining > 0 || this.#isClosed) return;
    if (this.#config.orphans === 'resume' && (await this.#takeOver(id, head))) return;
    const lease = this.#lease();
    const isOwn = () => this.#store.takeOver(id, lease, Number.MAX_SAFE_INTEGER);
    if (!(await this.#ask(isOwn))) return;
    // Includes entries that the previous writer appended before the take-over.
    const last = (await this.#ask(() => this.#store.head(id)))?.last ?? 0;
    const writer = new Writer<E>(this.#store, id, lease, this.#config, { last, count: 0 });
    this.#write(writer, throwError(lostWriter));
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
