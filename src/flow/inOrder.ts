import { type MonoTypeOperatorFunction, Observable, Subscriber } from 'rxjs';

/**
 * Delays each notification until the previous one has been handled. If a consumer makes the source emit
 * from within `next`, the second event would otherwise be handled in the middle of the first, and the
 * results would be out of order.
 */
export function inOrder<T>(): MonoTypeOperatorFunction<T> {
  return (source) => new Observable((subscriber) => source.subscribe(new InOrder(subscriber)));
}

class InOrder<T> extends Subscriber<T> {
  #isBusy = false;
  readonly #waiting: (() => void)[] = [];

  protected override _next(value: T): void {
    if (this.#isBusy) return void this.#waiting.push(() => super._next(value));
    this.#isBusy = true;
    super._next(value);
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next();
    this.#isBusy = false;
  }

  protected override _error(error: unknown): void {
    if (this.#isBusy) this.#waiting.push(() => super._error(error));
    else super._error(error);
  }

  protected override _complete(): void {
    if (this.#isBusy) this.#waiting.push(() => super._complete());
    else super._complete();
  }
}
