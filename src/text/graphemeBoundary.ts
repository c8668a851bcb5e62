import { segmenterOf } from './segmenterOf.ts';

let segmenter: Intl.Segmenter | undefined;

/**
 * How much of `text` is certain: the length of a prefix that ends between two characters as people
 * see them (grapheme clusters, Unicode UAX #29), where it stays a boundary whatever is appended.
 *
 * The last cluster is left out, because a combining mark, a joiner or the other half of a flag may
 * follow; only after a control character other than CR is it certain that nothing joins.
 *
 * The cost is that of one copy of `text` and a look at its last cluster.
 */
export function graphemeBoundary(text: string): number {
  // A pair that is cut may turn out to be a skin tone, so the cluster before it is open as well.
  const end = surrogateBoundary(text);
  if (end === 0 || isControl(text.charCodeAt(end - 1))) return end;
  segmenter ??= segmenterOf('grapheme');
  return segmenter.segment(text.slice(0, end)).containing(end - 1)!.index;
}

/** The length of `text` without the first half of a surrogate pair at its end. */
export function surrogateBoundary(text: string): number {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
}

/** After LF and the other control characters a cluster ends in any case: UAX #29, rule GB4. */
export function isControl(code: number): boolean {
  return (code < 0x20 && code !== 0x0d) || (code >= 0x7f && code < 0xa0) || code >> 1 === 0x1014;
}
