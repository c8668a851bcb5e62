import { exponentialBackoff } from '../recovery/exponentialBackoff.ts';

interface Sent {
  /** The number of the request in the order of sending. */
  readonly sequence: number;
}

/**
 * The hold after a refused request: nothing is sent until it ends. If no limits are reported, a single
 * request (the probe) is sent first after the hold, to find out whether requests are accepted again.
 */
export class RefusalHold<T extends Sent> {
  /** Nothing is sent before this time. */
  until: number = -Infinity;
  readonly #backoff = exponentialBackoff({ initial: 1_000, max: 60_000, jitter: 0 });
  /** Requests up to this number were sent before the hold began. */
  #before = 0;
  /** The number of consecutive refusals without `retry-after`. */
  #refusals = 0;
  #probe: T | 'next' | undefined;

  /** Whether the probe is running, without an answer so far. */
  get isProbing(): boolean {
    return typeof this.#probe === 'object';
  }

  begin(ms: number, now: number, sequence: number): void {
    this.until = Math.max(this.until, now + ms);
    this.#before = sequence;
  }

  /** Begins a hold for a refusal without `retry-after`. */
  backOff(request: T, now: number, sequence: number): void {
    // Requests that were sent together are refused together: they count as one refusal.
    if (request.sequence <= this.#before) return;
    this.#refusals++;
    this.begin(this.#backoff(undefined, this.#refusals), now, sequence);
  }

  probeNext(): void {
    this.#probe = 'next';
  }

  sent(request: T): void {
    if (this.#probe === 'next') this.#probe = request;
  }

  /** The server has accepted a request; returns whether this ends the wait for the probe. */
  admitted({ sequence }: T): boolean {
    if (this.#probe === undefined || sequence <= this.#before) return false;
    this.#probe = undefined;
    return true;
  }

  completed(request: T): void {
    if (request.sequence > this.#before) this.#refusals = 0;
    this.admitted(request);
  }

  ended(request: T): void {
    if (this.#probe === request) this.#probe = 'next';
  }
}
