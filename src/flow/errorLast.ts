import {
  catchError,
  concatWith,
  defer,
  EMPTY,
  type Observable,
  type OperatorFunction,
  throwError,
} from 'rxjs';

/**
 * Applies `work`, and delays an error of the source until `work` has handled all values before it.
 * (RxJS's own operators drop waiting values.) An error of `work` itself is passed on at once.
 */
export function errorLast<T, R>(work: OperatorFunction<T, R>): OperatorFunction<T, R> {
  return (source) =>
    defer(() => {
      let end: Observable<never> = EMPTY;
      return source.pipe(
        catchError((error: unknown) => {
          end = throwError(() => error);
          return EMPTY;
        }),
        work,
        concatWith(defer(() => end)),
      );
    });
}
