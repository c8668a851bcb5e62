import { concatMap, from, isObservable, type Observable, of } from 'rxjs';

/** The return value of `run` as an Observable: a value, the result of a promise, or the Observable itself. */
export function toOutput(given: unknown): Observable<unknown> {
  if (isObservable(given)) return given;
  if (typeof given !== 'object' || given === null) return of(given);
  if ('then' in given && typeof given.then === 'function') {
    return from(given as PromiseLike<unknown>).pipe(concatMap(toOutput));
  }
  if (Symbol.asyncIterator in given) {
    throw new TypeError(
      'a tool must return a value, a promise or an Observable: convert an async iterable with from() of rxjs',
    );
  }
  return of(given);
}
