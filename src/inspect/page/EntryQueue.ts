import type { InspectorEntry } from '../InspectorEntry.ts';

/** Milliseconds that entries are worked on in one go, so that the page stays responsive. */
const SLICE = 8;

/** Works on entries in short slices of time. */
export class EntryQueue {
  readonly #take: (entry: InspectorEntry, from: number) => void;
  readonly #done: () => void;
  readonly #parts: (readonly (readonly [number, InspectorEntry])[])[] = [];
  #index = 0;
  #isRunning = false;

  constructor(take: (entry: InspectorEntry, from: number) => void, done: () => void) {
    this.#take = take;
    this.#done = done;
  }

  push(entries: readonly (readonly [number, InspectorEntry])[]): void {
    this.#parts.push(entries);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setTimeout(() => this.#run());
  }

  #run(): void {
    const end = performance.now() + SLICE;
    while (this.#parts.length > 0) {
      const part = this.#parts[0]!;
      while (this.#index < part.length) {
        const [from, entry] = part[this.#index++]!;
        this.#take(entry, from);
        if (this.#index % 16 === 0 && performance.now() > end) {
          this.#done();
          setTimeout(() => this.#run());
          return;
        }
      }
      this.#parts.shift();
      this.#index = 0;
    }
    this.#isRunning = false;
    this.#done();
  }
}
