const MINUTE = 60_000;
/** Sums of fractions are a little off: less than this is missing is nothing. */
const EPSILON = 1e-6;

/**
 * A token bucket as the API uses one: it holds the limit of a minute at most, and is refilled all the
 * time (docs: /docs/en/api/rate-limits). The level may fall below zero.
 */
export class TokenBucket {
  /** The amount for a minute, and the most that the bucket holds. */
  readonly limit: number;
  #level: number;
  #at: number;
  /** Where the limit is one of fixed windows: nothing is refilled before this time. */
  #fullAt: number | undefined;

  constructor(limit: number, now: number, level: number = limit, fullAt?: number) {
    this.limit = limit;
    this.#level = level;
    this.#at = now;
    this.#fullAt = fullAt;
  }

  level(now: number): number {
    if (this.#fullAt === undefined) {
      // A clock may be set back.
      const elapsed = Math.max(0, now - this.#at);
      this.#level = Math.min(this.limit, this.#level + (elapsed * this.limit) / MINUTE);
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
    return this.#fullAt === undefined ? (missing * MINUTE) / this.limit : this.#fullAt - now;
  }
}
