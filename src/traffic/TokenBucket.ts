export const MINUTE = 60_000;
/** Sums of fractions are a little off: less than this is missing is nothing. */
const EPSILON = 1e-6;

interface Refill {
  fullAt?: number | undefined;
  perMinute?: number;
}

/**
 * A token bucket as the API uses one: it holds the limit of a minute at most, and is refilled all the
 * time (docs: /docs/en/api/rate-limits). The level may fall below zero.
 */
export class TokenBucket {
  /** The most that the bucket holds, and, where nothing else is known, the amount for a minute. */
  readonly limit: number;
  #level: number;
  #at: number;
  /** Where the limit is one of fixed windows: nothing is refilled before this time. */
  #fullAt: number | undefined;
  readonly #perMinute: number;

  constructor(limit: number, now: number, level: number = limit, refill: Refill = {}) {
    this.limit = limit;
    this.#level = level;
    this.#at = now;
    this.#fullAt = refill.fullAt;
    this.#perMinute = refill.perMinute ?? limit;
  }

  level(now: number): number {
    if (this.#fullAt === undefined) {
      // A clock may be set back.
      const elapsed = Math.max(0, now - this.#at);
      this.#level = Math.min(this.limit, this.#level + (elapsed * this.#perMinute) / MINUTE);
    } else if (now >= this.#fullAt) {
      this.#level = this.limit;
      this.#fullAt = undefined;
    }
    this.#at = now;
    return this.#level;
  }

  /** Takes an amount out; a negative one is put back. */
  take(amount: number, now: number): void {
    this.#level = this.level(now) - amount;
  }

  /** Milliseconds until `amount` is there; for more than the bucket can hold, until it is full. */
  wait(amount: number, now: number): number {
    const missing = Math.min(amount, this.limit) - this.level(now);
    if (amount <= 0 || missing <= EPSILON) return 0;
    return this.#fullAt === undefined ? (missing * MINUTE) / this.#perMinute : this.#fullAt - now;
  }
}
