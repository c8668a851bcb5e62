import { Subscription } from 'rxjs';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { askStore } from './askStore.ts';
import { droppedLog, lostEntries, lostWriter } from './relayErrors.ts';
import type { LogEntry, LogHead, RelayStore } from './RelayStore.ts';

/** Somebody who follows a log on this node. */
export interface LogWatchListener {
  /** There are more entries: these, or others. */
  more(entries: readonly LogEntry[]): void;
  /** There will be none after this one. */
  end(last: number, error: MessageStreamError): void;
}

export interface LogWatchConfig {
  /** For how long the store may be away, and for how long a lease holds: in milliseconds. */
  readonly patience: number;
  readonly lease: number;
  /** Tries to carry the reply on, on this node. Resolves with whether somebody does. */
  readonly takeOver: (head: LogHead) => Promise<boolean>;
}

/** A lease is looked at so much later than when it runs out, in milliseconds. */
const SLACK = 10;
/** So long the store takes to answer only when it has been away. */
const LONG = 1_000;
/** Where a look has found entries that were not told, the next look comes so soon, in milliseconds. */
const SOON = 250;

/**
 * What the followers of a log have in common on one node: they are told of what is new, and whether
 * somebody still writes. So the store is asked once for each log, not for each follower.
 */
export class LogWatch {
  readonly #store: RelayStore;
  readonly #id: string;
  readonly tag: string;
  readonly #config: LogWatchConfig;
  readonly #head: LogHead;
  readonly #listeners = new Set<LogWatchListener>();
  readonly #unwatch: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: number;
  #asking = Subscription.EMPTY;
  #isOver = false;
  /** The time, by this node's own clock, before which a lease that has run out is no sign of a loss. */
  #patientUntil = 0;

  constructor(store: RelayStore, id: string, head: LogHead, config: LogWatchConfig) {
    this.#store = store;
    this.#id = id;
    this.tag = head.tag;
    this.#head = head;
    this.#last = head.last;
    this.#config = config;
    this.#unwatch = store.watch(id, head.last, (entries) => {
      if (entries.length > 0) this.#tell(entries);
      else this.#lookIn(0);
    });
    void this.#judge(head);
  }

  /** What is known of the log on this node. */
  get head(): LogHead {
    return { ...this.#head, last: this.#last };
  }

  /** Whether nobody can be told anything any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  add(listener: LogWatchListener): void {
    this.#listeners.add(listener);
  }

  delete(listener: LogWatchListener): void {
    this.#listeners.delete(listener);
  }

  close(): void {
    this.#isOver = true;
    this.#asking.unsubscribe();
    this.#unwatch();
    clearTimeout(this.#timer);
  }

  #tell(entries: readonly LogEntry[]): void {
    const { number = this.#last + 1 } = entries.at(-1) ?? {};
    // Entries that were there already: the log may be a shorter one than it was.
    if (number <= this.#last) this.#lookIn(0);
    else if (entries.length > 0) this.#last = number;
    for (const listener of this.#listeners) listener.more(entries);
  }

  /** Tells all that there is nothing after the entry with this number. */
  end(last: number, error: MessageStreamError): void {
    this.#isOver = true;
    for (const listener of this.#listeners) listener.end(last, error);
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  #look(): void {
    // Its answer is yet to come, and tells how long the store was away.
    if (!this.#asking.closed) return;
    const asked = performance.now();
    // What is told meanwhile may be newer than the answer.
    const known = this.#last;
    this.#asking = askStore(() => this.#store.head(this.#id), this.#config.patience).subscribe({
      next: (head) => this.#learn(head, known, performance.now() - asked > LONG),
      error: (error: MessageStreamError) => this.end(0, error),
    });
  }

  #learn(head: LogHead | undefined, known: number, wasAway: boolean): void {
    if (head?.tag !== this.tag) return this.end(0, droppedLog(this.#id));
    // A store may publish what it then loses in a failover, and its writer appends it again.
    const isShort = head.last < known;
    if (isShort && head.ended) return this.end(0, lostEntries());
    // What was appended while the connection was lost may not have been told.
    const isBehind = head.last > this.#last;
    if (isBehind || head.ended) this.#tell([]);
    this.#last = Math.max(this.#last, head.last);
    // While the store was away the writer could not renew its lease either: it gets the time to.
    const now = performance.now();
    if (wasAway) this.#patientUntil = now + this.#config.lease;
    const patience = this.#patientUntil - now;
    if (patience > 0 && head.remaining <= 0 && !head.ended) this.#lookIn(patience);
    else if ((isBehind || isShort) && head.remaining > 0)
      this.#lookIn(Math.min(SOON, head.remaining + SLACK));
    else void this.#judge(head);
  }

  async #judge(head: LogHead): Promise<void> {
    if (head.ended) return;
    if (head.remaining > 0) return this.#lookIn(head.remaining + SLACK);
    try {
      const isCarriedOn = await this.#config.takeOver(head);
      if (this.#isOver) return;
      if (isCarriedOn) this.#lookIn(this.#config.lease);
      else this.end(head.last, lostWriter());
    } catch (error) {
      if (!this.#isOver) this.end(0, toMessageStreamError(error));
    }
  }
}
