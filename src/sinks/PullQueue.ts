import { ignoreElements, Observable, type Subscription, tap } from 'rxjs';
import type { Valve } from '../flow/Valve.ts';

interface Item<T> {
  value: T;
  /** Ends its step in the valve. */
  release?: () => void;
}

/**
 * What an Observable has pushed and nobody has pulled yet.
 *
 * With a valve, a value is in a step of it from when it is pushed until the `take` after the one that
 * gave it away: it counts for as long as the other side works on it.
 */
export class PullQueue<T> {
  /** Given away by index and then made of `#back`, since to shift a long array is to copy it. */
  #front: Item<T>[] = [];
  #next = 0;
  #back: Item<T>[] = [];
  #taken: Item<T>[] = [];
  #end: { error?: unknown } | undefined;
  #wake: () => void = () => {};
  #isStopped = false;
  readonly #subscription: Subscription;

  /** Subscribes to `source`. */
  constructor(source: Observable<T>, valve: Valve | undefined) {
    const pushed = valve
      ? source.pipe(valve.mergeMap((value) => this.#untilTaken(value)))
      : source.pipe(
          tap((value) => this.#push({ value })),
          ignoreElements(),
        );
    this.#subscription = pushed.subscribe({
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
    for (const { release } of this.#taken.splice(0)) release?.();
    while (this.#next === this.#front.length && this.#back.length === 0 && !this.#end) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#next === this.#front.length) {
      this.#front = this.#back;
      this.#back = [];
      this.#next = 0;
    }
    const items = this.#front.slice(this.#next, this.#next + most);
    this.#next += items.length;
    if (items.length === 0 && this.#end && 'error' in this.#end) {
      const { error } = this.#end;
      this.#end = {};
      throw error;
    }
    this.#taken = items;
    return items.map(({ value }) => value);
  }

  /** Unsubscribes, and drops what waits. */
  stop(): void {
    this.#isStopped = true;
    this.#subscription.unsubscribe();
    this.#front = [];
    this.#back = [];
    this.#taken = [];
    this.#next = 0;
    this.#end = {};
    this.#wake();
  }

  #untilTaken(value: T): Observable<never> {
    return new Observable((step) => this.#push({ value, release: () => step.complete() }));
  }

  #push(item: Item<T>): void {
    this.#back.push(item);
    this.#wake();
  }

  #finish(end: { error?: unknown }): void {
    this.#end ??= end;
    this.#wake();
  }
}
