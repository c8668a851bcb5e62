import type { Observable } from 'rxjs';
import type { InspectConfig } from './InspectConfig.ts';

/** Returns an Observable that does the same as `source`, and is watched. */
export type Inspector = <T>(
  source: Observable<T>,
  name: string,
  config: InspectConfig,
) => Observable<T>;

/** One list for all copies of this module, because a bundle and a preloaded module each have a copy. */
const KEY = Symbol.for('claude-rx.inspectors');

/** The attached inspectors. This is the list itself: `attachInspector` changes it. */
export function inspectors(): Inspector[] {
  return ((globalThis as { [KEY]?: Inspector[] })[KEY] ??= []);
}
