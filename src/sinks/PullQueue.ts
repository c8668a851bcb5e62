import type { Observable, Subscription } from 'rxjs';
import type { Valve, ValveStep } from '../flow/Valve.ts';

/**
 * What an Observable has pushed and nobody has pulled yet.
 *
 * With a valve, a value is in a step of it from when it is pushed until the `take` after the one that
 * gave it away: it counts for as long as the other side works on it.
 */
export class PullQueue<T> {
  /** Given away by index and then made of `#back`, since to shift a long array is to copy it. */
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

  /** Whether nothing is given away any more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * Resolves with the values that wait, `most` of them, as soon as there is one; with none after the
   * end. Rejects, once, with the error of the source, after the values before it. One call at a time.
   */
  async take(most: number): Promise<T[]> {
    this.#step?.leave(this.#taken);
    this.#taken = 0;
    while (this.#next === this.#front.length && this.#back.length === 0 && !this.#end) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    if (this.#next === this.#front.length) {
      this.#front = this.#back;
      this.#back = [];
      this.#next = 0;
    }
    const values = this.#front.slice(this.#next, this.#next + most);
    this.#next += values.length;
    this.#taken = values.length;
    if (values.length === 0 && this.#end && 'error' in this.#end) {
      const { error } = this.#end;
      this.#end = {};
      throw error;
    }
    return values;
  }

  /** Unsubscribes, and drops what waits. */
  stop(): void {
    this.#isStopped = true;
    this.#subscription.unsubscribe();
    this.#step?.end();
    this.#front = [];
    this.#back = [];
    this.#taken = 0;
    this.#next = 0;
    this.#end = {};
    this.#wake?.();
  }

  #push(value: T): void {
    this.#back.push(value);
    this.#step?.enter();
    this.#wake?.();
  }

  #finish(end: { error?: unknown }): void {
    this.#end ??= end;
    this.#wake?.();
  }
}
