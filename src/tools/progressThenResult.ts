import {
  asapScheduler,
  ignoreElements,
  Observable,
  type OperatorFunction,
  Subscription,
  tap,
} from 'rxjs';

export type ToolOutput = { readonly progress: unknown } | { readonly result: unknown };

/**
 * Marks the last value as the result, and the values before it as progress.
 *
 * ```text
 * source  --a--b--(c|)
 *         progressThenResult()
 * result  --a--b--(C|)    a, b: progress; C: result
 * ```
 *
 * A value is progress unless the source completes in the same turn of the event loop: so progress is
 * emitted without waiting for the next value. If the source completes later, the last value is emitted
 * again as the result.
 */
export function progressThenResult(): OperatorFunction<unknown, ToolOutput> {
  return (source) =>
    new Observable((subscriber) => {
      let last: unknown;
      let isHeld = false;
      let flushing = Subscription.EMPTY;
      const flush = () => {
        flushing.unsubscribe();
        if (isHeld) subscriber.next({ progress: last });
        isHeld = false;
      };
      const take = (value: unknown) => {
        flush();
        last = value;
        isHeld = true;
        flushing = asapScheduler.schedule(flush);
        subscriber.add(flushing);
      };
      const complete = () => {
        flushing.unsubscribe();
        subscriber.next({ result: last });
      };
      source
        .pipe(tap({ next: take, error: flush, complete }), ignoreElements())
        .subscribe(subscriber);
    });
}
