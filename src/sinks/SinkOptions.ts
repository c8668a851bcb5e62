import { isObservable, type Observable } from 'rxjs';
import type { Valve } from '../flow/Valve.ts';
import { invalid } from '../flow/require.ts';

export interface SinkOptions {
  /**
   * The same valve as in the option `valve` of the source: the source then waits while the reader is
   * slow. Without a valve, everything that the reader has not read yet is buffered, without a limit.
   * Default: none.
   */
  valve?: Valve | undefined;
}

/** How many texts are joined and written at once: some tens of kilobytes. */
export const TEXTS_AT_ONCE = 256;

/** Throws a TypeError if `source` is not an Observable, or `valve` is not a valve. */
export function checkSink(name: string, source: Observable<unknown>, options: SinkOptions): void {
  if (!isObservable(source)) {
    throw new TypeError(`${name}: pass an Observable, such as the result of \`fromMessages\``);
  }
  if (options.valve !== undefined && typeof options.valve.mergeMap !== 'function') {
    throw invalid(name, 'valve', 'a Valve, the same one as in the source', options.valve);
  }
}
