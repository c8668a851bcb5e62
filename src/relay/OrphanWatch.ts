import { askStore } from './askStore.ts';
import type { RelayStore } from './RelayStore.ts';

export interface OrphanWatchConfig {
  /** How long a lease lasts, and how long the store may be unavailable, in milliseconds. */
  readonly lease: number;
  readonly patience: number;
  /** Is called for a log whose lease expired at least one `lease` ago. */
  readonly settle: (id: string) => Promise<void>;
}

/**
 * Looks for orphans: replies whose node has died and that have no readers. It checks once per lease.
 *
 * An orphan is settled one lease after it was found, because its writer may have been unable to renew
 * the lease while the store was unavailable. The timers do not keep the process alive.
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
        // The next check tries again.
        error: () => this.#look(),
      });
    });
  }

  async #settle(id: string): Promise<void> {
    try {
      await this.#config.settle(id);
    } catch {
      // The next check finds it again.
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
