import { isObservable, type Observable } from 'rxjs';
import type { Valve } from '../flow/Valve.ts';
import { invalid } from '../flow/require.ts';

export interface SinkOptions {
  /**
   * The valve that the source has as its option `valve`: the source then waits while the reader is
   * slow. Without one, what the reader does not take yet is kept, all of it. Default: none.
   */
  valve?: Valve | undefined;
}

/** As many texts are joined and written at once: some tens of kilobytes. */
export const TEXTS_AT_ONCE = 256;

/** Throws a TypeError where a sink is given something else than an Observable, or no valve. */
export function checkSink(name: string, source: Observable<unknown>, options: SinkOptions): void {
  if (!isObservable(source)) {
    throw new TypeError(`${name}: pass an Observable, such as that of \`fromMessages\``);
  }
  if (options.valve !== undefined && typeof options.valve.mergeMap !== 'function') {
    throw invalid(name, 'valve', 'a Valve, the same that the source was given', options.valve);
  }
}
