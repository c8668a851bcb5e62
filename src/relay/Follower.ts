import type { Subscriber } from 'rxjs';
import type { Valve } from '../flow/Valve.ts';
import { whenOpen } from '../flow/whenOpen.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { markEnding, offsetOf } from './offset.ts';
import { mergeEntries } from './mergeEntries.ts';
import { askStore } from './askStore.ts';
import { badEntry, lostEntries, stoppedReply, wrongOffset } from './relayErrors.ts';
import { decodeEntry, type Ending, type RelayEntry, restOf } from './RelayEntry.ts';
import type { LogEntry, RelayStore } from './RelayStore.ts';
import type { LogWatchListener } from './LogWatch.ts';

/** An event of a reply, and its offset. */
export interface RelayedEvent<E> {
  /** Pass it as `after` to continue from here, also on another node or after a reload. Opaque otherwise. */
  readonly offset: string;
  readonly event: E;
}

export interface FollowerConfig {
  readonly id: string;
  readonly tag: string;
  /** Only events after the entry with this number are emitted. */
  readonly after: number;
  readonly keepContent: boolean;
  readonly valve: Valve | undefined;
  readonly maxEntrySize: number;
  readonly maxUnread: number;
  readonly patience: number;
}

/** How many entries are read at once, at most. */
const PAGE = 256;

/**
 * Emits the entries of a log to a subscriber: existing entries in pages, then new ones as they arrive.
 *
 * Entries that arrive during a read, or while the valve is closed, are not buffered but read from the
 * log later. So a slow reader takes the memory of one page.
 */
export class Follower<E extends EncodableEvent> implements LogWatchListener {
  readonly #store: RelayStore;
  readonly #config: FollowerConfig;
  readonly #subscriber: Subscriber<RelayedEvent<E>>;
  readonly #builder = new MessageBuilder<AnyStreamEvent>();
  /** The number of the last entry that was handled. */
  #position: number;
  #isReading = false;
  #isHeld = false;
  /** Whether entries arrived that could not be handled at that time. */
  #isBehind = false;
  #end: { last: number; error: MessageStreamError } | undefined;

  constructor(store: RelayStore, subscriber: Subscriber<RelayedEvent<E>>, config: FollowerConfig) {
    this.#store = store;
    this.#subscriber = subscriber;
    this.#config = config;
    // For a complete `partial`, the entries before `after` are read as well.
    this.#position = config.keepContent ? 0 : config.after;
  }

  /** Begins with the existing entries. `ended`: the number of the last entry, if that is the ending. */
  start(ended?: number): void {
    if (ended !== undefined) {
      this.#end = { last: ended, error: badEntry(ended, 'is missing: the reply has expired') };
      // The reader has all events: only the ending is missing.
      if (this.#position === ended) this.#position = 0;
    }
    this.#read();
  }

  more(entries: readonly LogEntry[]): void {
    if (this.#isReading || this.#isHeld) this.#isBehind = true;
    else if (entries.length === 0) this.#read();
    else this.#take(entries, false);
  }

  end(last: number, error: MessageStreamError): void {
    this.#end = { last, error };
    if (this.#position >= last) this.#fail(error);
    else this.more([]);
  }

  #read(): void {
    this.#isReading = true;
    this.#isBehind = false;
    const { id, patience, maxUnread } = this.#config;
    const ask = () => this.#store.read(id, this.#position, PAGE, maxUnread);
    const reading = askStore(ask, patience).subscribe({
      next: (page) => {
        this.#isReading = false;
        if (page.length === PAGE || sizeOf(page) >= maxUnread) this.#isBehind = true;
        this.#take(page, true);
      },
      error: (error: MessageStreamError) => this.#fail(error),
    });
    this.#subscriber.add(reading);
  }

  #take(entries: readonly LogEntry[], isPage: boolean): void {
    const decoded: RelayEntry<E>[] = [];
    let bad: unknown;
    try {
      const { maxEntrySize } = this.#config;
      for (const entry of entries) decoded.push(decodeEntry(entry, maxEntrySize, !isPage));
    } catch (error) {
      bad = error;
    }
    // Only the replay is merged; live events are emitted unchanged.
    this.#give(isPage ? mergeEntries(decoded) : decoded, isPage, bad);
  }

  /** `bad`: why the entries after these cannot be decoded. */
  #give(entries: readonly RelayEntry<E>[], isPage: boolean, bad?: unknown): void {
    const { valve } = this.#config;
    try {
      for (const [index, entry] of entries.entries()) {
        if (this.#subscriber.closed) return;
        if (valve?.isOpen === false) {
          // The bad entry is found again by the next read.
          if (bad !== undefined) this.#isBehind = true;
          return this.#hold(entries.slice(index), valve);
        }
        if (entry.number <= this.#position) continue;
        // Live entries before this one were delivered to others before this reader joined.
        if (!this.#follows(entry) && !isPage) return this.#read();
        this.#check(entry);
        this.#pass(entry);
      }
    } catch (error) {
      return this.#fail(toMessageStreamError(error));
    }
    if (this.#subscriber.closed) return;
    if (bad !== undefined) this.#fail(toMessageStreamError(bad));
    else if (this.#isBehind) this.#read();
    else if (this.#end && isPage) this.#fail(this.#end.error);
  }

  #follows({ first, follows }: RelayEntry<E>): boolean {
    return follows === undefined ? first <= this.#position + 1 : follows === this.#position;
  }

  /** Throws if an entry is missing before this one. */
  #check(entry: RelayEntry<E>): void {
    const { id, after } = this.#config;
    const { number, follows } = entry;
    if (follows !== undefined && after > follows && after < number) throw wrongOffset(id);
    if (this.#follows(entry)) return;
    if (follows !== undefined && follows < this.#position) throw lostEntries();
    throw badEntry(this.#position + 1, 'is missing');
  }

  #hold(rest: readonly RelayEntry<E>[], valve: Valve): void {
    this.#isHeld = true;
    whenOpen(valve, this.#subscriber, () => {
      this.#isHeld = false;
      // These entries have been checked to follow.
      this.#give(rest, true);
    });
  }

  #pass(entry: RelayEntry<E>): void {
    const { tag, after, keepContent } = this.#config;
    const { number, event, ending } = entry;
    const before = this.#position;
    this.#position = number;
    const offset = offsetOf(tag, number);
    if (ending) return this.#finish(ending, offset);
    if (keepContent) this.#builder.push(restOf(entry, before) as AnyStreamEvent);
    if (number <= after) return;
    const at = Math.max(before, after);
    this.#subscriber.next({ offset, event: entry.first <= at ? restOf(entry, at) : event! });
  }

  #finish(ending: Ending, offset: string): void {
    if (ending.state === 'complete') return this.#subscriber.complete();
    const error = ending.state === 'error' ? ending.error : stoppedReply(ending.reason);
    this.#fail(error, offset);
  }

  #fail(error: MessageStreamError, offset?: string): void {
    const whole = error.with({ partial: this.#builder.message as MessageStreamError['partial'] });
    if (offset !== undefined) markEnding(whole, offset);
    this.#subscriber.error(whole);
  }
}

function sizeOf(page: readonly LogEntry[]): number {
  return page.reduce((size, { data }) => size + data.length, 0);
}
