import { askStore } from './askStore.ts';
import type { RelayStore } from './RelayStore.ts';

export interface OrphanWatchConfig {
  /** For how long a lease holds, and how long the store may be away, in milliseconds. */
  readonly lease: number;
  readonly patience: number;
  /** Is called for a log whose lease ran out a whole `lease` ago, and was not renewed since. */
  readonly settle: (id: string) => Promise<void>;
}

/**
 * Looks, once in the time of a lease, for replies whose node has died and that nobody follows.
 *
 * Each is given the time of another lease before it is settled: while the store was away, its writer
 * could not renew the lease either. Keeps no process alive.
 */
export class OrphanWatch {
  readonly #store: RelayStore;
  readonly #config: OrphanWatchConfig;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #isClosed = false;

  constructor(store: RelayStore, config: OrphanWatchConfig) {
    this.#store = store;
    this.#config = config;
    this.#look();
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #look(): void {
    this.#later(() => {
      const { lease, patience } = this.#config;
      askStore(async () => this.#store.orphans?.(lease), patience).subscribe({
        next: (ids = []) => {
          for (const id of ids) this.#later(() => void this.#settle(id));
          this.#look();
        },
        // The next look says whether the store is there.
        error: () => this.#look(),
      });
    });
  }

  async #settle(id: string): Promise<void> {
    try {
      await this.#config.settle(id);
    } catch {
      // It is found again.
    }
  }

  #later(action: () => void): void {
    if (this.#isClosed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, this.#config.lease);
    this.#timers.add(timer);
    // In a browser a timer is a number.
    (timer as { unref?: () => void }).unref?.();
  }
}
