import type { RateLimitKind, RateLimitReport } from './rateLimitHeaders.ts';
import { TokenBucket } from './TokenBucket.ts';

/** What a request costs, before its reply and with it. */
export interface Cost {
  input: number;
  output: number;
}

/**
 * What may be spent of one limit: by the option of the gate, and by what the API reports.
 *
 * A report is older than the requests that were sent after it. So two sums are kept: all that was
 * spent, and the part of it that the server has certainly counted. What a report of a request cannot
 * contain is what was spent, less what was counted when that request was sent. With that subtracted
 * the remaining amount is never more than what is really there.
 */
export class Allowance {
  readonly kind: RateLimitKind;
  readonly #own: TokenBucket | undefined;
  #reported: TokenBucket | undefined;
  #spent = 0;
  #counted = 0;

  constructor(kind: RateLimitKind, perMinute: number, now: number) {
    this.kind = kind;
    this.#own = perMinute === Infinity ? undefined : new TokenBucket(perMinute, now);
  }

  /** What the server has certainly counted by now. */
  get counted(): number {
    return this.#counted;
  }

  get isReported(): boolean {
    return this.#reported !== undefined;
  }

  /** What of `cost` counts here before the reply: `requests` is the number of requests. */
  sent(requests: number, { input }: Cost): number {
    if (this.kind === 'requests') return requests;
    return this.kind === 'outputTokens' ? 0 : input;
  }

  /** What of `cost` counts here with the reply. */
  received({ output }: Cost): number {
    return this.kind === 'tokens' || this.kind === 'outputTokens' ? output : 0;
  }

  spend(amount: number, now: number): void {
    if (amount === 0) return;
    this.#spent += amount;
    this.#own?.take(amount, now);
    this.#reported?.take(amount, now);
  }

  count(amount: number): void {
    this.#counted += amount;
  }

  /** Takes a report in that contains at least what was counted up to `contained`. */
  learn({ limit, remaining, resetIn }: RateLimitReport, contained: number, now: number): void {
    const missing = Math.max(0, this.#spent - contained);
    const refill = ((limit - remaining) * 60_000) / limit;
    // A bucket that is empty, and full long before it can be refilled, is a window that ends then.
    const isWindow = remaining < 1 && resetIn !== undefined && resetIn > 0 && resetIn < refill / 2;
    const fullAt = isWindow ? now + resetIn : undefined;
    this.#reported = new TokenBucket(limit, now, remaining - missing, fullAt);
  }

  wait(amount: number, now: number): number {
    return Math.max(this.#own?.wait(amount, now) ?? 0, this.#reported?.wait(amount, now) ?? 0);
  }

  /** The limit that is nearer to its end, for a view. */
  view(now: number): { limit: number; remaining: number } | undefined {
    const own = viewOf(this.#own, now);
    const reported = viewOf(this.#reported, now);
    return own && reported && own.remaining < reported.remaining ? own : (reported ?? own);
  }
}

function viewOf(bucket: TokenBucket | undefined, now: number) {
  return bucket && { limit: bucket.limit, remaining: Math.floor(bucket.level(now)) };
}
