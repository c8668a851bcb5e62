import { concatWith, defer, filter, map, type MonoTypeOperatorFunction, of } from 'rxjs';
import { surrogateBoundary } from '../text/graphemeBoundary.ts';

/** Keeps half a surrogate pair until its other half comes: alone, UTF-8 has no bytes for it. */
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
