import type { InspectorEntry } from '../InspectorEntry.ts';

/** Maximum milliseconds of work per call. */
const SLICE = 8;

/** Plays the entries of a recording: at a speed, from any position. */
export class Playback {
  readonly #entries: readonly InspectorEntry[];
  readonly #restart: () => void;
  readonly #take: (entry: InspectorEntry) => void;
  #index = 0;
  #position = 0;
  #last = 0;
  #isPlaying = false;
  speed = 1;

  constructor(
    entries: readonly InspectorEntry[],
    take: (entry: InspectorEntry) => void,
    restart: () => void,
  ) {
    this.#entries = entries;
    this.#take = take;
    this.#restart = restart;
  }

  get length(): number {
    return this.#entries.at(-1)?.at ?? 0;
  }

  get position(): number {
    return this.#position;
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  /** Whether all entries are shown. */
  get isOver(): boolean {
    return this.#index >= this.#entries.length;
  }

  play(now: number): void {
    if (this.isOver) this.seek(0);
    this.#isPlaying = true;
    this.#last = now;
  }

  pause(): void {
    this.#isPlaying = false;
  }

  seek(position: number): void {
    if (position < this.#position) {
      this.#index = 0;
      this.#restart();
    }
    this.#position = position;
  }

  /** Plays the entries that are due; called once per frame. Returns whether there were any. */
  tick(now: number): boolean {
    if (this.#isPlaying) {
      this.#position = Math.min(this.length, this.#position + (now - this.#last) * this.speed);
      this.#last = now;
    }
    const begin = this.#index;
    const end = performance.now() + SLICE;
    while (this.#index < this.#entries.length) {
      const entry = this.#entries[this.#index]!;
      if (entry.at > this.#position || (this.#index % 16 === 0 && performance.now() > end)) break;
      this.#take(entry);
      this.#index++;
    }
    if (this.isOver) this.#isPlaying = false;
    return this.#index > begin || this.#isPlaying;
  }
}
