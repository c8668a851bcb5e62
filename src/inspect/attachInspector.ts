import { Subscription } from 'rxjs';
import type { InspectorEntry } from './InspectorEntry.ts';
import { inspectors } from './inspectors.ts';
import { Reporter } from './Reporter.ts';

export interface AttachInspectorOptions {
  /** Whether stages without the option `content` report their content. Default: `false`. */
  content?: boolean | undefined;
}

/**
 * Calls `report` with the entries of all `inspect` operators in this process or page, from the next
 * subscription on. Use it to draw a pipeline in your own page, with `Inspection` and `drawInspection`.
 *
 * ```text
 * source  -m-t-t-|
 *         inspect('api')
 * report  sm-t-t-c          s: subscribe  c: complete
 * ```
 *
 * Deltas of one block that come within a millisecond are one entry, and so are texts. Entries are
 * reported at the end of the current synchronous code, or earlier. Errors that `report` throws are
 * dropped.
 *
 * Unsubscribe the returned subscription to detach: no more entries are then reported.
 *
 * @throws TypeError when `report` is not a function.
 *
 * @example
 * ```ts
 * import { attachInspector, Inspection } from 'claude-rx/inspect';
 *
 * const inspection = new Inspection();
 * const attached = attachInspector((entry) => inspection.push(entry));
 * // ... later
 * attached.unsubscribe();
 * ```
 */
export function attachInspector(
  report: (entry: InspectorEntry) => void,
  { content = false }: AttachInspectorOptions = {},
): Subscription {
  if (typeof report !== 'function') {
    throw new TypeError('attachInspector: `report` must be a function that takes an entry');
  }
  const reporter: Reporter = new Reporter({
    report,
    content,
    onWaiting: () => queueMicrotask(() => reporter.flush()),
  });
  return attachReporter(reporter);
}

/** Lets a reporter watch all stages that are subscribed from now on. */
export function attachReporter(reporter: Reporter): Subscription {
  const list = inspectors();
  list.push(reporter.inspector);
  return new Subscription(() => {
    const index = list.indexOf(reporter.inspector);
    if (index >= 0) list.splice(index, 1);
    reporter.close();
  });
}
