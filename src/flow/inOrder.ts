import { type MonoTypeOperatorFunction, Observable, Subscriber } from 'rxjs';

/**
 * Lets each notification wait until the one before has been handled. A source that is asked for more
 * from within `next` would otherwise emit the following event while the first is still being taken
 * apart, and what is made of the two would come out of order.
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
