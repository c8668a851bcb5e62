import { concatMap, from, isObservable, type Observable, of } from 'rxjs';

/** What `run` has given, as an Observable: of a value, of what a promise resolves to, or itself. */
export function toOutput(given: unknown): Observable<unknown> {
  if (isObservable(given)) return given;
  if (typeof given !== 'object' || given === null) return of(given);
  if ('then' in given && typeof given.then === 'function') {
    return from(given as PromiseLike<unknown>).pipe(concatMap(toOutput));
  }
  if (Symbol.asyncIterator in given) {
    throw new TypeError(
      'a tool gives a value, a promise or an Observable: make one of an async iterable with from()',
    );
  }
  return of(given);
}
