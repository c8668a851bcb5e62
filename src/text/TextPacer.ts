import { TextSegmenter, type TextUnit } from './TextSegmenter.ts';

export interface TextPacerConfig {
  unit: TextUnit;
  locale?: string | string[] | undefined;
  /** Units per second, or how fast they arrive. */
  rate: number | 'adaptive';
  maxLatency: number;
  frame: number;
  settle: number;
}

/** Text up to a position, and when the first of it arrived. */
interface Arrival {
  end: number;
  at: number;
}

/** How long text that arrived in one go may take, as a multiple of the time between two of them. */
const SPREAD = 1.5;

/**
 * Decides how much of the text that waits is given out in which frame.
 *
 * In each frame it is so much that, going on evenly, all text is out in time: a part of what waits
 * as large as the part of its time that the frame is. The time that text has is `maxLatency`;
 * 'adaptive' takes less when text arrives more often than that.
 */
export class TextPacer {
  readonly #config: TextPacerConfig;
  readonly #segmenter: TextSegmenter;
  #units: string[] = [];
  #head = 0;
  /** Positions in the text as a whole: what has been given out, and what is ready for it. */
  #out = 0;
  #ready = 0;
  #arrivals: Arrival[] = [];
  #arrivedAt = 0;
  #tickedAt = -Infinity;
  /** What earlier frames had too little or too much: in UTF-16 code units, and in units. */
  #credit = 0;
  #rateCredit = 0;
  /** Text up to here goes in this frame in any case. */
  #due = 0;
  #isIdle = true;
  #burstAt: number | undefined;
  #gap: number;

  constructor(config: TextPacerConfig) {
    this.#config = config;
    this.#segmenter = new TextSegmenter(config.unit, config.locale);
    this.#gap = config.maxLatency;
  }

  /** Whether all text that is finished has been given out. */
  get isEmpty(): boolean {
    return this.#head === this.#units.length;
  }

  /** When the next text may be given out; `Infinity` when there is none. */
  get nextAt(): number {
    const { frame, settle } = this.#config;
    if (this.isEmpty && !this.#segmenter.canSettle) return Infinity;
    return Math.max(this.#tickedAt + frame, this.isEmpty ? this.#arrivedAt + settle : -Infinity);
  }

  push(text: string, now: number): void {
    this.#settle(now);
    this.#observe(now);
    this.#arrivedAt = now;
    const end = this.#ready + this.#segmenter.held + text.length;
    const last = this.#arrivals.at(-1);
    // Some 32 of them are enough to go by, and what joins an earlier one is only earlier.
    const slot = Math.max(this.#config.frame, this.#config.maxLatency / 32);
    if (last && last.end > this.#out && now - last.at < slot) last.end = end;
    else this.#arrivals.push({ end, at: now });
    this.#add(this.#segmenter.push(text));
  }

  /** No more text comes: what is unfinished counts as finished. */
  end(): void {
    this.#add(this.#segmenter.end());
  }

  /** Gives the text of this frame. */
  take(now: number): string {
    const { frame, maxLatency, rate } = this.#config;
    this.#settle(now);
    const elapsed = this.#isIdle ? 0 : Math.max(0, now - this.#tickedAt);
    this.#tickedAt = now;
    if (this.isEmpty) return '';

    const adaptive = Math.max(2 * frame, SPREAD * this.#gap);
    this.#credit += this.#share(
      now,
      rate === 'adaptive' ? Math.min(maxLatency, adaptive) : maxLatency,
    );
    this.#rateCredit += rate === 'adaptive' ? 0 : (rate * elapsed) / 1_000;
    // After a silence nobody needs to wait for the first of it.
    if (this.#isIdle) this.#rateCredit = 1;
    const start = this.#head;
    while (!this.isEmpty && this.#isDue(this.#units[this.#head]!)) this.#pass();
    return this.#drop(start);
  }

  /** Gives all text at once, unfinished or not. */
  takeAll(): string {
    this.end();
    const start = this.#head;
    while (!this.isEmpty) this.#pass();
    return this.#drop(start);
  }

  #settle(now: number): void {
    if (now - this.#arrivedAt >= this.#config.settle) this.#add(this.#segmenter.settle());
  }

  #add(units: string[]): void {
    for (const unit of units) {
      this.#units.push(unit);
      this.#ready += unit.length;
    }
  }

  #isDue(unit: string): boolean {
    // Half of it is enough, or most of what is left over would come in the last frame.
    const isEarned = this.#rateCredit > 1 - 1e-6 || this.#credit >= unit.length / 2;
    return isEarned || this.#out < this.#due;
  }

  #pass(): void {
    const { length } = this.#units[this.#head++]!;
    this.#out += length;
    this.#credit = Math.max(-length / 2, this.#credit - length);
    this.#rateCredit = Math.max(0, this.#rateCredit - 1);
  }

  #drop(start: number): string {
    const text = this.#units.slice(start, this.#head).join('');
    this.#isIdle = this.isEmpty;
    if (this.#isIdle) this.#credit = this.#rateCredit = 0;
    // Not each time, so that the cost of moving the rest is spread over what is dropped.
    if (this.#head * 2 >= this.#units.length) {
      this.#units = this.#units.slice(this.#head);
      this.#head = 0;
    }
    return text;
  }

  /** How much must go in this frame, in UTF-16 code units, for all text to be out in its time. */
  #share(now: number, time: number): number {
    const passed = this.#arrivals.findIndex(({ end }) => end > this.#out);
    this.#arrivals.splice(0, passed < 0 ? this.#arrivals.length : passed);
    const shares = this.#arrivals.map(({ end, at }) => {
      const frames = Math.floor(Math.max(0, at + time - now) / this.#config.frame) + 1;
      if (frames === 1) this.#due = end;
      return (end - this.#out - this.#credit) / frames;
    });
    return Math.max(0, ...shares);
  }

  /** Follows the time between arrivals: up at once, down slowly, so that one quick pair does not count. */
  #observe(now: number): void {
    const gap = now - (this.#burstAt ?? now);
    this.#burstAt ??= now;
    if (gap < this.#config.frame && gap >= 0) return;
    this.#burstAt = now;
    this.#gap = Math.min(this.#config.maxLatency, Math.max(gap, 0.9 * this.#gap + 0.1 * gap));
  }
}
