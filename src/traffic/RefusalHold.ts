import { exponentialBackoff } from '../recovery/exponentialBackoff.ts';

interface Sent {
  /** Its number in the order of sending. */
  readonly sequence: number;
}

/**
 * The time in which nothing is sent, as a request was refused; and then the single request that goes
 * first, where nothing but a try shows whether the limit is over.
 */
export class RefusalHold<T extends Sent> {
  /** Nothing is sent before this time. */
  until: number = -Infinity;
  readonly #backoff = exponentialBackoff({ initial: 1_000, max: 60_000, jitter: 0 });
  /** Requests up to this number were sent before the hold. */
  #before = 0;
  /** How many refusals there were without a `retry-after`, one after the other. */
  #refusals = 0;
  #probe: T | 'next' | undefined;

  /** Whether one request was sent alone, and its answer is not known. */
  get isProbing(): boolean {
    return typeof this.#probe === 'object';
  }

  begin(ms: number, now: number, sequence: number): void {
    this.until = Math.max(this.until, now + ms);
    this.#before = sequence;
  }

  /** The hold for a refusal that does not tell how long to wait. */
  backOff(request: T, now: number, sequence: number): void {
    // Those that were sent together are refused together: that is one refusal.
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

  /** The server takes requests again; returns whether that was not known. */
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
