import { Subscription } from 'rxjs';
import type { InspectorEntry } from './InspectorEntry.ts';
import { inspectors } from './inspectors.ts';
import { Reporter } from './Reporter.ts';

export interface AttachInspectorOptions {
  /** Whether stages that do not say so themselves report their content. Default: `false`. */
  content?: boolean | undefined;
}

/**
 * Calls `report` with everything that `inspect` sees in this process or page, from the next
 * subscription on. It is what `connectInspector` builds on; use it to draw a pipeline in a page of
 * your own, with `Inspection` and `drawInspection`.
 *
 * ```text
 * source  -m-t-t-|
 *         inspect('api')
 * report  sm-t-t-c          s: subscribe  c: complete
 * ```
 *
 * Deltas of one block that come within a millisecond are one entry, and so are texts. Entries are
 * reported when the current run of code has ended, or earlier. An error that `report` throws is dropped.
 *
 * Unsubscribing what it returns detaches: subscriptions that are watched then report no more.
 *
 * @throws TypeError when `report` is no function.
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
    throw new TypeError('attachInspector: pass a function that takes an entry');
  }
  const reporter: Reporter = new Reporter({
    report,
    content,
    onWaiting: () => queueMicrotask(() => reporter.flush()),
  });
  return attachReporter(reporter);
}

/** Has a reporter watch the stages that are subscribed from now on. */
export function attachReporter(reporter: Reporter): Subscription {
  const list = inspectors();
  list.push(reporter.inspector);
  return new Subscription(() => {
    const index = list.indexOf(reporter.inspector);
    if (index >= 0) list.splice(index, 1);
    reporter.close();
  });
}
