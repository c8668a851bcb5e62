import { isContentEvent } from '../message/eventKinds.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';

/** Limits in milliseconds. An omitted limit, or `Infinity`, is off. */
export interface MessageLimits {
  /** From the subscription to the first event. Default: `progress`, else `liveness`. */
  first?: number;
  /** Between two events of any type, including pings: detects a lost connection. Default: off. */
  liveness?: number;
  /** Between two events with content: detects a stalled reply. Default: off. */
  progress?: number;
  /** From the subscription to `message_stop`. Default: off. */
  total?: number;
}

interface Clock {
  readonly name: keyof MessageLimits;
  readonly limit: number;
  since: number;
}

const BREACH: Readonly<Record<keyof MessageLimits, string>> = {
  first: 'no event arrived within',
  liveness: 'nothing arrived, not even a ping, for',
  progress: 'no content arrived for',
  total: 'message_stop had not arrived after',
};

/**
 * The clocks that run while a reply arrives. They use no timer: each call passes the time, and
 * `remaining` returns the time until the next limit is reached.
 */
export class MessageClocks {
  readonly #liveness: Clock;
  readonly #progress: Clock;
  readonly #total: Clock;
  #running: readonly Clock[];
  #pausedAt: number | undefined;
  #last: string | undefined;
  #lastContent: string | undefined;

  constructor(limits: MessageLimits, now: number) {
    const clock = (name: keyof MessageLimits): Clock => {
      return { name, limit: limits[name] ?? Infinity, since: now };
    };
    this.#liveness = clock('liveness');
    this.#progress = clock('progress');
    this.#total = clock('total');
    const silence = this.#progress.limit < Infinity ? this.#progress : this.#liveness;
    this.#running = [limits.first === undefined ? silence : clock('first'), this.#total];
  }

  /** Handles the next event. Returns whether other clocks run from now on. */
  push(event: AnyStreamEvent, now: number): boolean {
    const before = this.#running;
    const isFirst = this.#last === undefined;
    const isContent = isContentEvent(event);
    this.#last = event.type;
    this.#liveness.since = now;
    if (isContent) this.#lastContent = event.type;
    // With `first`, the clock of `progress` starts at the first event.
    if (isContent || (isFirst && before[0]?.name === 'first')) this.#progress.since = now;
    if (event.type === 'message_stop') this.#running = [];
    else if (isFirst || (isContent && before.length === 0)) {
      this.#running = [this.#liveness, this.#progress, this.#total];
    }
    return this.#running !== before;
  }

  /** Pauses all clocks but `total`, because the source does not read for now. */
  pause(now: number): void {
    this.#pausedAt ??= now;
  }

  /** Resumes the paused clocks. */
  resume(now: number): void {
    if (this.#pausedAt === undefined) return;
    const pause = now - this.#pausedAt;
    this.#pausedAt = undefined;
    for (const clock of this.#running) if (clock !== this.#total) clock.since += pause;
  }

  /** Milliseconds until the next limit is reached; negative when it has passed. */
  remaining(now: number): number {
    const nearest = this.#nearest();
    if (nearest === undefined) return Infinity;
    // Never more than the limit: the system clock may have been set back, or an event may have arrived
    // after a pause began.
    nearest.since = Math.min(nearest.since, now);
    return nearest.since + nearest.limit - now;
  }

  /** The limit that is reached first, and the last event, for an error message. */
  describe(): string {
    const nearest = this.#nearest();
    if (nearest === undefined) return 'no clock runs';
    return `${BREACH[nearest.name]} ${nearest.limit} ms (${nearest.name}); ${this.#arrived()}`;
  }

  #nearest(): Clock | undefined {
    const end = (clock: Clock) => clock.since + clock.limit;
    const isPaused = this.#pausedAt !== undefined;
    const running = this.#running.filter((clock) => !isPaused || clock === this.#total);
    return running.reduce<Clock | undefined>(
      (nearest, clock) => (nearest && end(nearest) <= end(clock) ? nearest : clock),
      undefined,
    );
  }

  #arrived(): string {
    if (this.#last === undefined) return 'nothing had arrived';
    const last = `the last event was ${this.#last}`;
    if (this.#last === this.#lastContent) return last;
    return this.#lastContent === undefined
      ? `${last}, and there was no content`
      : `${last}, the last content ${this.#lastContent}`;
  }
}
