import { concatWith, defer, filter, map, type MonoTypeOperatorFunction, of } from 'rxjs';
import { surrogateBoundary } from '../text/graphemeBoundary.ts';

/** Holds half a surrogate pair back until its other half arrives: UTF-8 cannot encode a half. */
export function wholeCharacters(): MonoTypeOperatorFunction<string> {
  return (source) =>
    defer(() => {
      let half = '';
      return source.pipe(
        map((text) => {
          const all = half + text;
          const end = surrogateBoundary(all);
          half = all.slice(end);
          return all.slice(0, end);
        }),
        concatWith(defer(() => of(half))),
        filter((text) => text !== ''),
      );
    });
}
