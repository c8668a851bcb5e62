import {
  catchError,
  exhaustMap,
  firstValueFrom,
  from,
  identity,
  interval,
  merge,
  Observable,
  of,
  Subject,
  takeUntil,
  timeout,
} from 'rxjs';
import type { Valve } from '../flow/Valve.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { decodeEntry, encodeEnding, encodeEventEntry, type RelayEntry } from './RelayEntry.ts';
import { mergeEntries } from './mergeEntries.ts';
import { askStore, isPermanent } from './askStore.ts';
import {
  closedRelay,
  droppedLog,
  lostEntries,
  stoppedReply,
  unreachableStore,
} from './relayErrors.ts';
import type { Lease, LogEntry, RelayStore, WriteOutcome } from './RelayStore.ts';

/** How a writer came to its end. */
export interface Conclusion {
  /**
   * `complete` and `error` as the source did; `stopped` by `stop`; `lost` when the store refused it, or
   * could not be reached.
   */
  readonly state: 'complete' | 'error' | 'stopped' | 'lost';
  readonly error?: MessageStreamError | undefined;
}

export interface WriterLimits {
  /** Entries of a log from which on it is compacted. */
  readonly maxEvents: number;
  /** The most characters of one entry. */
  readonly maxEventSize: number;
  /** The most characters that wait for the store. */
  readonly maxBuffered: number;
  /** For how long the store may be away, in milliseconds. */
  readonly patience: number;
}

/** As many entries are appended, or read, at once. */
const BATCH = 256;
/** A writer that took over counts on from here after the last entry, for those that a store may have lost. */
const GAP = 1_000_000;
/** Heartbeats are sent every lease / 3, so two may be late. */
const BEATS = 3;
/** A writer that leaves waits so long for the store, in milliseconds. */
const FAREWELL = 1_000;

/**
 * Writes the events of a source to a log: one append at a time, with all that has come meanwhile.
 *
 * It holds the lease, and ends when the source does, or when the store says that the log is not its
 * own any more; then the source is unsubscribed.
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
  /** The number of the last entry that was given one, and of the last one that is stored. */
  #last: number;
  #stored: number;
  #follows: number | undefined;
  /** How many entries the log has, and how many let it be compacted. */
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
        // The next one may be heard.
        catchError((error: unknown, again) => (isPermanent(error) ? of(error) : again)),
        takeUntil(this.#over),
      )
      .subscribe((outcome) => {
        // It may be our own ending, of which the append knows.
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

  /** Unsubscribes the source and leaves the log, without an ending, to the node that takes it over. */
  async release(): Promise<void> {
    this.#stop({ state: 'lost', error: closedRelay() });
    const given = this.#store.renew(this.#id, { ...this.#lease, lease: 0 });
    // Where the store is away, the lease runs out.
    await firstValueFrom(from(given).pipe(timeout(FAREWELL))).catch(() => {});
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
    // What a source says in one go is one batch.
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

  /** Nothing else is appended meanwhile. Where it fails, the log is longer than it need be. */
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
      // The next append says whether the store is there.
    }
    this.#compactAt = Math.max(this.#limits.maxEvents, this.#count * 2);
  }

  /** What the store says, or why it says nothing. */
  #ask(write: () => Promise<WriteOutcome>): Promise<WriteOutcome | MessageStreamError> {
    const outcome = askStore<WriteOutcome | MessageStreamError>(write, this.#limits.patience).pipe(
      catchError((error: MessageStreamError) => [error]),
      takeUntil(this.#over),
    );
    return firstValueFrom(outcome, { defaultValue: 'ended' });
  }

  #heed(outcome: WriteOutcome | MessageStreamError): void {
    if (outcome instanceof MessageStreamError) return this.#stop({ state: 'lost', error: outcome });
    switch (outcome) {
      case 'ended':
        return this.#stopAfter(this.#endingInLog(), { state: 'stopped', error: stoppedReply() });
      case 'superseded':
        return this.#stop({ state: 'lost', error: superseded() });
      case 'unknown':
        return this.#stop({ state: 'lost', error: droppedLog(this.#id) });
      case 'diverged':
        return this.#stopAfter(this.#endDamagedLog(), { state: 'lost', error: lostEntries() });
    }
  }

  /** The ending that another node has given the log. */
  async #endingInLog(): Promise<Conclusion> {
    const head = await this.#store.head(this.#id);
    const [entry] = head ? await this.#store.read(this.#id, head.last - 1, 1) : [];
    const ending = entry && decodeEntry(entry, Infinity).ending;
    if (ending?.state === 'error') return { state: 'lost', error: ending.error };
    const reason = ending?.state === 'stopped' ? ending.reason : undefined;
    return { state: 'stopped', error: stoppedReply(reason) };
  }

  /** Those who follow get the same error as this writer. */
  async #endDamagedLog(): Promise<Conclusion> {
    const error = lostEntries();
    await this.#store.end(this.#id, encodeEnding({ state: 'error', error })).catch(() => {});
    return { state: 'lost', error };
  }

  /** Lets go of the source at once, and concludes when the store has answered. */
  #stopAfter(conclusion: Promise<Conclusion>, otherwise: Conclusion): void {
    if (!this.#halt()) return;
    const answered = firstValueFrom(from(conclusion).pipe(timeout(FAREWELL)));
    answered.then(this.#conclude, () => this.#conclude(otherwise));
  }

  #stop(conclusion: Conclusion): void {
    if (this.#halt()) this.#conclude(conclusion);
  }

  /** Whether it was not over already. */
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
    `An event of ${size} characters is too large for the relay, whose maxEventSize is ${most}`,
    { code: 'protocol' },
  );
}

function superseded(): MessageStreamError {
  return new MessageStreamError(
    'Another node has taken this reply over, as the lease had run out',
    {
      code: 'connection',
      retryable: false,
    },
  );
}

function fullBuffer(size: number): Error {
  return new Error(`${size} characters wait for it, which is more than maxBuffered`);
}
