import { firstValueFrom, from, timeout } from 'rxjs';

/** Resolves with the value of a promise; rejects with a `TimeoutError` after so many milliseconds. */
export function inTime<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  return firstValueFrom(from(promise).pipe(timeout(milliseconds)));
}
