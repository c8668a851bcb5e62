import type { RateLimitKind, RateLimitReport } from './rateLimitHeaders.ts';
import { type ExpectedUse, MINUTE, TokenBucket } from './TokenBucket.ts';

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
  /** The request that got the report, until its usage is known. */
  #reportedTo: object | undefined;
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

  get #countsOutput(): boolean {
    return this.kind === 'tokens' || this.kind === 'outputTokens';
  }

  /** What of `cost` counts here before the reply: `requests` is the number of requests. */
  sent(requests: number, { input }: Cost): number {
    if (this.kind === 'requests') return requests;
    return this.kind === 'outputTokens' ? 0 : input;
  }

  /** What of `cost` counts here while the reply is written. */
  received({ output }: Cost): number {
    return this.#countsOutput ? output : 0;
  }

  spend(amount: number, now: number, request?: object): void {
    if (amount === 0) return;
    this.#spent += amount;
    this.#own?.take(amount, now);
    // The report contains what that request has really used, not what was expected.
    if (request === undefined || request !== this.#reportedTo) this.#reported?.take(amount, now);
  }

  /** Charges output, which is written little by little, and is counted at once. */
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
   * Takes a report in that contains at least what was counted up to `contained`, with the cost of
   * `request` in it.
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
    // A bucket that is empty, and full long before it can be refilled, is a window that ends then.
    const isWindow = remaining < 1 && resetIn !== undefined && resetIn > 0 && resetIn < refill / 2;
    // A reset that comes late, by more than its rounding: the limit is refilled more slowly.
    const isSlow = resetIn !== undefined && resetIn > refill * 1.1 + 2_000;
    this.#reported = new TokenBucket(limit, now, remaining - missing, {
      fullAt: isWindow ? now + resetIn : undefined,
      perMinute: isSlow ? ((limit - remaining) * MINUTE) / resetIn : limit,
    });
  }

  /**
   * Milliseconds until `cost` is there, also when the replies that are being written have their
   * `pending` output, and the headroom of `extra` above it: at most half of the limit is kept free for
   * that.
   */
  wait(cost: Cost, extra: Cost, pending: readonly ExpectedUse[], now: number): number {
    // A request is refused where no output is left, however little it will use.
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
