import {
  catchError,
  exhaustMap,
  firstValueFrom,
  identity,
  interval,
  merge,
  Observable,
  of,
  Subject,
  takeUntil,
} from 'rxjs';
import type { Valve } from '../flow/Valve.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { decodeEntry, encodeEnding, encodeEventEntry, type RelayEntry } from './RelayEntry.ts';
import { mergeEntries } from './mergeEntries.ts';
import { askStore, isPermanent } from './askStore.ts';
import { inTime } from './inTime.ts';
import {
  closedRelay,
  droppedLog,
  lostEntries,
  stoppedReply,
  unreachableStore,
} from './relayErrors.ts';
import type { Lease, LogEntry, RelayStore, WriteOutcome } from './RelayStore.ts';

/** The outcome of a writer. */
export interface Conclusion {
  /**
   * `complete` or `error` like the source; `stopped` by `relay.stop`; `lost` if the store refused the
   * writer, or was unavailable.
   */
  readonly state: 'complete' | 'error' | 'stopped' | 'lost';
  readonly error?: MessageStreamError | undefined;
}

export interface WriterLimits {
  /** The number of entries at which a log is compacted. */
  readonly maxEvents: number;
  /** The maximum size of an entry, in characters. */
  readonly maxEventSize: number;
  /** The maximum size of entries that wait for the store, in characters. */
  readonly maxBuffered: number;
  /** How long the store may be unavailable, in milliseconds. */
  readonly patience: number;
}

/** How many entries are appended or read at once, at most. */
const BATCH = 256;
/** A writer that took over skips this many numbers, because the store may have lost entries. */
const GAP = 1_000_000;
/** Heartbeats are sent every lease / 3, so two may be late. */
const BEATS = 3;
/** How long a writer waits for the store when it ends, in milliseconds. */
const FAREWELL = 1_000;

/**
 * Writes the events of a source to a log, with one append at a time for all events that have arrived.
 *
 * It holds the lease. It ends with the source, or when the store reports that the lease is lost; then the
 * source is unsubscribed.
 */
export class Writer<E extends EncodableEvent> {
  /** Never rejects. */
  readonly concluded: Promise<Conclusion>;
  #conclude: (conclusion: Conclusion) => void = () => {};
  readonly #store: RelayStore;
  readonly #id: string;
  readonly #lease: Lease;
  readonly #limits: WriterLimits;
  /** Emits when this writer is over. */
  readonly #over = new Subject<void>();
  #isOver = false;

  #pending: LogEntry[] = [];
  #size = 0;
  /** The number of the last entry, and of the last stored entry. */
  #last: number;
  #stored: number;
  #follows: number | undefined;
  /** How many entries the log has, and at which number it is compacted. */
  #count = 0;
  #compactAt: number;
  #ending: Conclusion | undefined;
  #isFlushing = false;
  #waiting = new Set<{ number: number; done: () => void }>();

  /** `follows`: the last entry of a log that was taken over. */
  constructor(
    store: RelayStore,
    id: string,
    lease: Lease,
    limits: WriterLimits,
    follows?: { last: number; count: number },
  ) {
    this.#store = store;
    this.#id = id;
    this.#lease = lease;
    this.#limits = limits;
    this.#stored = follows?.last ?? 0;
    this.#last = follows ? follows.last + GAP : 0;
    this.#follows = follows?.last;
    this.#count = follows?.count ?? 0;
    this.#compactAt = limits.maxEvents;
    this.concluded = new Promise((resolve) => (this.#conclude = resolve));
  }

  /** Subscribes to the source. */
  start(source: Observable<E>, valve?: Valve): void {
    const mayHaveEnded = new Observable<void>((told) =>
      this.#store.watchEnd(this.#id, () => told.next()),
    );
    merge(interval(this.#lease.lease / BEATS), mayHaveEnded)
      .pipe(
        exhaustMap(() => this.#store.renew(this.#id, this.#lease)),
        // The next heartbeat may succeed.
        catchError((error: unknown, again) => (isPermanent(error) ? of(error) : again)),
        takeUntil(this.#over),
      )
      .subscribe((outcome) => {
        // If this writer has appended the ending, the append handles it.
        if (outcome !== 'ended' || !this.#ending) this.#heed(outcome);
      });
    source
      .pipe(
        valve ? valve.mergeMap((event) => this.#untilStored(event)) : identity,
        takeUntil(this.#over),
      )
      .subscribe({
        next: (event) => this.#push(event),
        error: (error: unknown) =>
          this.#end({ state: 'error', error: toMessageStreamError(error) }),
        complete: () => this.#end({ state: 'complete' }),
      });
  }

  /** Unsubscribes the source and releases the lease, so that another node can take over. */
  async release(): Promise<void> {
    this.#stop({ state: 'lost', error: closedRelay() });
    const given = this.#store.renew(this.#id, { ...this.#lease, lease: 0 });
    // If the store is unavailable, the lease expires.
    await inTime(given, FAREWELL).catch(() => {});
  }

  #untilStored(event: E): Observable<never> {
    return new Observable((subscriber) => {
      this.#push(event);
      if (this.#isOver || this.#ending) return;
      const waiting = { number: this.#last, done: () => subscriber.complete() };
      this.#waiting.add(waiting);
      return () => this.#waiting.delete(waiting);
    });
  }

  #push(event: E): void {
    if (this.#ending || this.#isOver) return;
    let data: string;
    try {
      data = encodeEventEntry(event, { follows: this.#follows });
    } catch (error) {
      return this.#end({ state: 'error', error: toMessageStreamError(error) });
    }
    if (data.length > this.#limits.maxEventSize) {
      return this.#end({ state: 'error', error: tooLarge(data.length, this.#limits.maxEventSize) });
    }
    this.#append(data);
  }

  #end(ending: Conclusion): void {
    if (this.#ending || this.#isOver) return;
    this.#ending = ending;
    const { state, error } = ending;
    const said = state === 'error' ? { state, error: error! } : { state: 'complete' as const };
    this.#append(encodeEnding(said, this.#follows));
  }

  #append(data: string): void {
    this.#follows = undefined;
    this.#pending.push({ number: ++this.#last, data });
    this.#size += data.length;
    if (this.#size > this.#limits.maxBuffered) {
      return this.#stop({ state: 'lost', error: unreachableStore(fullBuffer(this.#size)) });
    }
    if (!this.#isFlushing) void this.#flush();
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    // Events that are emitted synchronously form one batch.
    await Promise.resolve();
    while (this.#pending.length > 0 && !this.#isOver) {
      const entries = this.#pending.slice(0, BATCH);
      const ends = this.#ending !== undefined && entries.length === this.#pending.length;
      const batch = { after: this.#stored, entries, ends };
      const outcome = await this.#ask(() => this.#store.append(this.#id, this.#lease, batch));
      if (this.#isOver) return;
      if (outcome !== 'done') return this.#heed(outcome);
      this.#pending = this.#pending.slice(entries.length);
      for (const { data } of entries) this.#size -= data.length;
      this.#stored = entries.at(-1)!.number;
      this.#count += entries.length;
      for (const { number, done } of this.#waiting) if (number <= this.#stored) done();
      if (ends) return this.#stop(this.#ending!);
      if (this.#count >= this.#compactAt) await this.#compact();
    }
    this.#isFlushing = false;
  }

  /** Nothing is appended meanwhile. If it fails, the log stays longer than necessary. */
  async #compact(): Promise<void> {
    const entries: RelayEntry<E>[] = [];
    try {
      for (let page: readonly LogEntry[]; ;) {
        page = await this.#store.read(this.#id, entries.at(-1)?.number ?? 0, BATCH);
        for (const entry of page) entries.push(decodeEntry(entry, Infinity));
        if (page.length < BATCH) break;
      }
      const merged = mergeEntries(entries);
      const written = merged.map(({ number, event, ...more }) => ({
        number,
        data: encodeEventEntry(event!, more),
      }));
      if (written.at(-1)?.number === this.#stored) {
        await this.#store.compact(this.#id, this.#lease, written);
        this.#count = written.length;
      }
    } catch {
      // The next append reports an unavailable store.
    }
    this.#compactAt = Math.max(this.#limits.maxEvents, this.#count * 2);
  }

  /** The outcome of a write, or the error if the store is unavailable. */
  #ask(write: () => Promise<WriteOutcome>): Promise<WriteOutcome | MessageStreamError> {
    const outcome = askStore<WriteOutcome | MessageStreamError>(write, this.#limits.patience).pipe(
      catchError((error: MessageStreamError) => [error]),
      takeUntil(this.#over),
    );
    return firstValueFrom(outcome, { defaultValue: 'ended' });
  }

  #heed(outcome: WriteOutcome | MessageStreamError): void {
    if (outcome instanceof MessageStreamError) {
      // The store may still accept an ending: Redis does, when it is out of memory.
      if (isPermanent(outcome)) return this.#endLog(outcome);
      return this.#stop({ state: 'lost', error: outcome });
    }
    switch (outcome) {
      case 'ended':
        return this.#stopAfter(this.#endingInLog(), { state: 'stopped', error: stoppedReply() });
      case 'superseded':
        return this.#stop({ state: 'lost', error: superseded() });
      case 'unknown':
        return this.#stop({ state: 'lost', error: droppedLog(this.#id) });
      case 'diverged':
        return this.#endLog(lostEntries());
    }
  }

  /** Reads the ending that another node has appended. */
  async #endingInLog(): Promise<Conclusion> {
    const head = await this.#store.head(this.#id);
    const [entry] = head ? await this.#store.read(this.#id, head.last - 1, 1) : [];
    const ending = entry && decodeEntry(entry, Infinity).ending;
    if (ending?.state === 'error') return { state: 'lost', error: ending.error };
    const reason = ending?.state === 'stopped' ? ending.reason : undefined;
    return { state: 'stopped', error: stoppedReply(reason) };
  }

  /** Ends the log, so that its readers get the same error as this writer. */
  #endLog(error: MessageStreamError): void {
    const lost: Conclusion = { state: 'lost', error };
    const end = async (): Promise<Conclusion> => {
      await this.#store.end(this.#id, encodeEnding({ state: 'error', error }));
      return lost;
    };
    this.#stopAfter(end(), lost);
  }

  /** Unsubscribes the source at once, and concludes when the store has answered. */
  #stopAfter(conclusion: Promise<Conclusion>, otherwise: Conclusion): void {
    if (!this.#halt()) return;
    inTime(conclusion, FAREWELL).then(this.#conclude, () => this.#conclude(otherwise));
  }

  #stop(conclusion: Conclusion): void {
    if (this.#halt()) this.#conclude(conclusion);
  }

  /** Ends the writer. Returns `false` if it had ended before. */
  #halt(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#over.next();
    this.#pending = [];
    for (const { done } of this.#waiting) done();
    return true;
  }
}

function tooLarge(size: number, most: number): MessageStreamError {
  return new MessageStreamError(
    `An event of ${size} characters is too large: raise \`maxEventSize\` of createRelay, which is ${most}`,
    { code: 'protocol' },
  );
}

function superseded(): MessageStreamError {
  return new MessageStreamError(
    'Another node has taken over this reply, because the lease of this node had expired',
    {
      code: 'connection',
      retryable: false,
    },
  );
}

function fullBuffer(size: number): Error {
  return new Error(`${size} characters are waiting for the store, more than \`maxBuffered\``);
}
