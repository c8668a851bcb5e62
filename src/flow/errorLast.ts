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
 * Applies `work`, and lets an error of the source wait until `work` has done what came before it.
 * (RxJS's own operators drop what waits in them.) An error of `work` itself is passed on at once.
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
