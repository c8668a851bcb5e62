export const MINUTE = 60_000;
/** Tolerance for rounding errors: a smaller shortage counts as none. */
const EPSILON = 1e-6;

/** An amount that will be taken out evenly over the next `ms` milliseconds. */
export interface ExpectedUse {
  readonly amount: number;
  readonly ms: number;
}

interface Refill {
  fullAt?: number | undefined;
  perMinute?: number;
}

/**
 * A token bucket, as in the API: it holds at most the amount of one minute, and is refilled
 * continuously (docs: /docs/en/api/rate-limits). The level may fall below zero.
 */
export class TokenBucket {
  /** The capacity of the bucket and, unless `perMinute` is given, the refill per minute. */
  readonly limit: number;
  #level: number;
  #at: number;
  /** For limits with fixed windows: nothing is refilled before this time. */
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

  /** Takes out an amount that was used gradually since the last call, while the bucket was refilled. */
  takeSince(amount: number, now: number): void {
    if (this.#fullAt === undefined) this.#level -= amount;
    else this.take(amount, now);
  }

  /**
   * Milliseconds until `amount` is available, and stays available while `expected` is taken out. For an
   * amount above the capacity: until the bucket is full. `expected` must be sorted by `ms`.
   */
  wait(amount: number, now: number, expected: readonly ExpectedUse[] = []): number {
    if (amount <= 0) return 0;
    const needed = Math.min(amount, this.limit);
    let level = this.level(now);
    if (this.#fullAt !== undefined) {
      for (const use of expected) level -= use.amount;
      return level >= needed - EPSILON ? 0 : this.#fullAt - now;
    }
    // The level is piecewise linear between the ends of the expected uses: it falls first, then rises.
    let slope = this.#perMinute / MINUTE;
    for (const use of expected) {
      if (use.ms > 0) slope -= use.amount / use.ms;
      else level -= use.amount;
    }
    let isShort = level < needed - EPSILON;
    let at = 0;
    for (const { amount: taken, ms } of expected) {
      if (ms <= 0) continue;
      const next = level + slope * (ms - at);
      if (isShort && next >= needed) break;
      isShort = next < needed - EPSILON;
      level = next;
      at = ms;
      slope += taken / ms;
    }
    return isShort ? at + (needed - level) / slope : 0;
  }
}
