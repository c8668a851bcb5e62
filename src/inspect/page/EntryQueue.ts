import type { InspectorEntry } from '../InspectorEntry.ts';

/** Maximum milliseconds of work per slice, so that the page stays responsive. */
const SLICE = 8;

/** Processes entries in short time slices. */
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
