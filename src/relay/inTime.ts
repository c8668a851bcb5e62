import { firstValueFrom, from, timeout } from 'rxjs';

/** The value of a promise. Rejects with a `TimeoutError` when it is not there in time, in milliseconds. */
export function inTime<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  return firstValueFrom(from(promise).pipe(timeout(milliseconds)));
}
