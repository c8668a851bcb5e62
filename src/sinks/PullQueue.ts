import type { Observable, Subscription } from 'rxjs';
import type { Valve, ValveStep } from '../flow/Valve.ts';

const resolved = /* @__PURE__ */ Promise.resolve();

/** A valve counts values. A long text counts as several: one more for each of this many characters. */
const CHARACTERS_OF_A_VALUE = 16_384;

/**
 * Queues the values of an Observable until they are pulled.
 *
 * With a valve, a value counts from when it is pushed until the next call of `take` after the one that
 * returned it, so it also counts while the consumer handles it.
 */
export class PullQueue<T> {
  /** Read by index, and replaced by `#back` when empty, because shifting a long array copies it. */
  #front: T[] = [];
  #next = 0;
  #back: T[] = [];
  #taken = 0;
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;
  #isStopped = false;
  readonly #step: ValveStep | undefined;
  readonly #subscription: Subscription;

  /** Subscribes to `source`. */
  constructor(source: Observable<T>, valve: Valve | undefined) {
    this.#step = valve?.step();
    this.#subscription = source.subscribe({
      next: (value) => this.#push(value),
      error: (error: unknown) => this.#finish({ error }),
      complete: () => this.#finish({}),
    });
  }

  /** Whether the queue was stopped, and returns no more values. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * Returns up to `most` waiting values; `undefined` if there is none yet, an empty list after the end.
   * After the last value, throws the error of the source, once.
   */
  take(most: number): T[] | undefined {
    this.#step?.leave(this.#taken);
    this.#taken = 0;
    if (this.#next === this.#front.length) {
      if (this.#back.length === 0) return this.#afterLast();
      this.#front = this.#back;
      this.#back = [];
      this.#next = 0;
    }
    const isAll = this.#next === 0 && this.#front.length <= most;
    const values = isAll ? this.#front : this.#front.slice(this.#next, this.#next + most);
    this.#next += values.length;
    if (this.#step) for (const value of values) this.#taken += weightOf(value);
    return values;
  }

  /**
   * Calls `wake` once, as soon as `take` returns a result: in a microtask, so that values that arrive
   * synchronously are taken together.
   */
  whenReady(wake: () => void): void {
    this.#wake = wake;
    if (this.#next < this.#front.length || this.#back.length > 0 || this.#end) this.#ready();
  }

  /** Resolves with the result of `take` as soon as there is one. One call at a time. */
  async pull(most: number): Promise<T[]> {
    for (;;) {
      const values = this.take(most);
      if (values) return values;
      await new Promise<void>((resolve) => this.whenReady(resolve));
    }
  }

  /** Unsubscribes, and drops waiting values. */
  stop(): void {
    this.#isStopped = true;
    this.#subscription.unsubscribe();
    this.#step?.end();
    this.#front = [];
    this.#back = [];
    this.#taken = 0;
    this.#next = 0;
    this.#end = {};
    this.#ready();
  }

  #afterLast(): [] | undefined {
    if (!this.#end) return undefined;
    if (!('error' in this.#end)) return [];
    const { error } = this.#end;
    this.#end = {};
    throw error;
  }

  #push(value: T): void {
    this.#back.push(value);
    this.#step?.enter(weightOf(value));
    this.#ready();
  }

  #finish(end: { error?: unknown }): void {
    this.#end ??= end;
    this.#ready();
  }

  #ready(): void {
    const wake = this.#wake;
    if (!wake) return;
    this.#wake = undefined;
    void resolved.then(wake);
  }
}

function weightOf(value: unknown): number {
  return typeof value === 'string' ? 1 + Math.floor(value.length / CHARACTERS_OF_A_VALUE) : 1;
}
