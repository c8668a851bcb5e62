import { Subscription } from 'rxjs';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { askStore } from './askStore.ts';
import { droppedLog, lostEntries, lostWriter } from './relayErrors.ts';
import type { LogEntry, LogHead, RelayStore } from './RelayStore.ts';

/** A reader of a log on this node. */
export interface LogWatchListener {
  /** There are more entries: these or, with an empty list, some to read from the log. */
  more(entries: readonly LogEntry[]): void;
  /** No entries follow after the entry `last`. */
  end(last: number, error: MessageStreamError): void;
}

export interface LogWatchConfig {
  /** How long the store may be unavailable, and how long a lease lasts, in milliseconds. */
  readonly patience: number;
  readonly lease: number;
  /** Tries to take the reply over on this node. Resolves with whether any node continues it. */
  readonly takeOver: (head: LogHead) => Promise<boolean>;
}

/** A lease is checked this many milliseconds after it has expired. */
const SLACK = 10;
/** If the store takes longer than this to answer, it was unavailable, in milliseconds. */
const LONG = 1_000;
/** After a check has found entries that were not delivered, milliseconds until the next check. */
const SOON = 250;

/**
 * Watches a log for all its readers on this node: it passes on new entries, and checks whether the writer
 * is alive. So the store gets one request for each log, not for each reader.
 */
export class LogWatch {
  readonly #store: RelayStore;
  readonly #id: string;
  readonly tag: string;
  readonly #config: LogWatchConfig;
  readonly #head: LogHead;
  readonly #listeners = new Set<LogWatchListener>();
  #unwatch: () => void = () => {};
  #watchedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: number;
  #asking = Subscription.EMPTY;
  #isOver = false;
  /** By the clock of this node: until then, an expired lease does not mean that the writer is dead. */
  #patientUntil = 0;

  constructor(store: RelayStore, id: string, head: LogHead, config: LogWatchConfig) {
    this.#store = store;
    this.#id = id;
    this.tag = head.tag;
    this.#head = head;
    this.#last = head.last;
    this.#config = config;
    this.#watch();
    void this.#judge(head);
  }

  /** The head of the log, as far as this node knows. */
  get head(): LogHead {
    return { ...this.#head, last: this.#last };
  }

  /** Whether the watch has ended, so that no reader can join. */
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

  #watch(): void {
    this.#unwatch();
    this.#watchedAt = performance.now();
    this.#unwatch = this.#store.watch(
      this.#id,
      this.#last,
      (entries) => {
        if (entries.length > 0) this.#tell(entries);
        else this.#lookIn(0);
      },
      (error) => {
        if (!this.#isOver) this.end(0, error);
      },
    );
  }

  #tell(entries: readonly LogEntry[]): void {
    const { number = this.#last + 1 } = entries.at(-1) ?? {};
    // These entries are known already: the log may be shorter than it was.
    if (number <= this.#last) this.#lookIn(0);
    else if (entries.length > 0) this.#last = number;
    for (const listener of this.#listeners) listener.more(entries);
  }

  /** Reports to all readers that no entry follows after this number. */
  end(last: number, error: MessageStreamError): void {
    this.#isOver = true;
    for (const listener of this.#listeners) listener.end(last, error);
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  #look(): void {
    // Another check is running, and measures how long the store is unavailable.
    if (!this.#asking.closed) return;
    const asked = performance.now();
    // Entries that arrive meanwhile may be newer than the answer.
    const known = this.#last;
    this.#asking = askStore(() => this.#store.head(this.#id), this.#config.patience).subscribe({
      next: (head) => this.#learn(head, known, performance.now() - asked > LONG),
      error: (error: MessageStreamError) => this.end(0, error),
    });
  }

  #learn(head: LogHead | undefined, known: number, wasAway: boolean): void {
    if (head?.tag !== this.tag) return this.end(0, droppedLog(this.#id));
    // In a failover, a store may lose entries that it has published; the writer appends them again.
    const isShort = head.last < known;
    if (isShort && head.ended) return this.end(0, lostEntries());
    // Entries that were appended during a lost connection may not have been delivered.
    const isBehind = head.last > this.#last;
    if (isBehind || head.ended) this.#tell([]);
    this.#last = Math.max(this.#last, head.last);
    const now = performance.now();
    // The store may have lost the watch without an error: watch again, but not too often.
    if (isBehind && now - this.#watchedAt > this.#config.lease / 2) this.#watch();
    // The writer could not renew its lease while the store was unavailable: give it time to do so.
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
