import type { Observable } from 'rxjs';
import type { InspectConfig } from './InspectConfig.ts';

/** Gives an Observable that does the same as `source`, and is watched. */
export type Inspector = <T>(
  source: Observable<T>,
  name: string,
  config: InspectConfig,
) => Observable<T>;

/** One list for all copies of this module: a bundle and a preloaded module have one each. */
const KEY = Symbol.for('claude-rx.inspectors');

/** The inspectors that are attached. The list itself: `attachInspector` changes it. */
export function inspectors(): Inspector[] {
  return ((globalThis as { [KEY]?: Inspector[] })[KEY] ??= []);
}
