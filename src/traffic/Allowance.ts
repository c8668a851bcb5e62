import type { RateLimitKind, RateLimitReport } from './rateLimitHeaders.ts';
import { type ExpectedUse, MINUTE, TokenBucket } from './TokenBucket.ts';

/** The input and output tokens of a request. */
export interface Cost {
  input: number;
  output: number;
}

/**
 * The remaining amount of one limit, by the option of the gate and by the reports of the API.
 *
 * A report does not include requests that were sent after it. So two sums are kept: everything spent,
 * and the part that the server has certainly counted. The amount that a report cannot include is
 * everything spent, less the amount that was counted when the request of the report was sent. This is
 * subtracted, so the remaining amount is never higher than the real one.
 */
export class Allowance {
  readonly kind: RateLimitKind;
  readonly #own: TokenBucket | undefined;
  #reported: TokenBucket | undefined;
  /** The request whose response had the report, until its usage is known. */
  #reportedTo: object | undefined;
  #spent = 0;
  #counted = 0;

  constructor(kind: RateLimitKind, perMinute: number, now: number) {
    this.kind = kind;
    this.#own = perMinute === Infinity ? undefined : new TokenBucket(perMinute, now);
  }

  /** The amount that the server has certainly counted. */
  get counted(): number {
    return this.#counted;
  }

  get isReported(): boolean {
    return this.#reported !== undefined;
  }

  get #countsOutput(): boolean {
    return this.kind === 'tokens' || this.kind === 'outputTokens';
  }

  /** The part of `cost` that counts here when the request is sent. `requests`: the number of requests. */
  sent(requests: number, { input }: Cost): number {
    if (this.kind === 'requests') return requests;
    return this.kind === 'outputTokens' ? 0 : input;
  }

  /** The part of `cost` that counts here while the reply is written. */
  received({ output }: Cost): number {
    return this.#countsOutput ? output : 0;
  }

  spend(amount: number, now: number, request?: object): void {
    if (amount === 0) return;
    this.#spent += amount;
    this.#own?.take(amount, now);
    // The report includes the real usage of its own request, not the expected usage.
    if (request === undefined || request !== this.#reportedTo) this.#reported?.take(amount, now);
  }

  /** Charges output that was written since the last call; the server counts it at once. */
  write(amount: number, now: number): void {
    if (amount === 0) return;
    this.#spent += amount;
    this.#counted += amount;
    this.#own?.takeSince(amount, now);
    this.#reported?.takeSince(amount, now);
  }

  count(amount: number, request?: object): void {
    this.#counted += amount;
    if (request === this.#reportedTo) this.#reportedTo = undefined;
  }

  /**
   * Applies a report that includes at least the amount `contained`, and the cost of `request`.
   */
  learn(
    { limit, remaining, resetIn }: RateLimitReport,
    contained: number,
    now: number,
    request?: object,
  ): void {
    this.#reportedTo = request;
    const missing = Math.max(0, this.#spent - contained);
    const refill = ((limit - remaining) * MINUTE) / limit;
    // An empty limit whose reset comes long before a refill could fill it is a fixed window.
    const isWindow = remaining < 1 && resetIn !== undefined && resetIn > 0 && resetIn < refill / 2;
    // If the reset is later than a refill would take, beyond rounding, the limit is refilled more slowly.
    const isSlow = resetIn !== undefined && resetIn > refill * 1.1 + 2_000;
    this.#reported = new TokenBucket(limit, now, remaining - missing, {
      fullAt: isWindow ? now + resetIn : undefined,
      perMinute: isSlow ? ((limit - remaining) * MINUTE) / resetIn : limit,
    });
  }

  /**
   * Milliseconds until `cost` is available, together with the `pending` output of the running replies
   * and the headroom `extra`. At most half of the limit is kept free as headroom.
   */
  wait(cost: Cost, extra: Cost, pending: readonly ExpectedUse[], now: number): number {
    // The API refuses a request if no output is left, however little the request will use.
    const least = this.#countsOutput ? 1 : 0;
    const amount = Math.max(least, this.sent(1, cost) + this.received(cost));
    const headroom = this.received(extra);
    const expected = this.#countsOutput ? pending : [];
    const waits = [this.#own, this.#reported].map((bucket) => {
      if (bucket === undefined) return 0;
      const most = Math.max(amount, Math.min(amount + headroom, bucket.limit / 2));
      return bucket.wait(most, now, expected);
    });
    return Math.max(...waits);
  }

  /** The limit with less remaining, for `RequestGate.state`. */
  view(now: number): { limit: number; remaining: number } | undefined {
    const own = viewOf(this.#own, now);
    const reported = viewOf(this.#reported, now);
    return own && reported && own.remaining < reported.remaining ? own : (reported ?? own);
  }
}

function viewOf(bucket: TokenBucket | undefined, now: number) {
  return bucket && { limit: bucket.limit, remaining: Math.floor(bucket.level(now)) };
}
