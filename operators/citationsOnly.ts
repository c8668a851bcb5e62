import { concatMap, filter, map, type OperatorFunction } from 'rxjs';
import { isCitationsDelta } from '../src/message/guards.ts';
import { isRestated } from '../src/message/eventKinds.ts';
import type { AnyStreamEvent, CitationOf } from '../src/message/StreamEvent.ts';

/**
 * Emits each citation of a reply as it arrives.
 *
 * ```text
 * source  --m--[--c--t--d--t--]--x--S|    c, d: citations
 *         citationsOnly()
 * result  --------c-----d------------|
 * ```
 *
 * Citations that arrive together, in the start of their block, are emitted one by one.
 *
 * - Error, complete: passed on.
 * - Unsubscribe: the source is unsubscribed.
 *
 * Events: docs /docs/en/build-with-claude/citations ("Streaming support").
 *
 * @example
 * ```ts
 * import { citationsOnly, fromResponse } from 'claude-rx';
 * import { distinct, filter } from 'rxjs';
 *
 * fromResponse((signal) => fetch('/api/search', { method: 'POST', signal }))
 *   .pipe(
 *     citationsOnly(),
 *     filter((citation) => citation.type === 'web_search_result_location'),
 *     distinct((citation) => citation.url),
 *   )
 *   .subscribe(({ title, url }) => console.log(title, url));
 * ```
 */
export function citationsOnly<E extends AnyStreamEvent>(): OperatorFunction<E, CitationOf<E>> {
  return (source) =>
    source.pipe(
      map((event) => arrivingCitations(event) as CitationOf<E>[]),
      filter((citations) => citations.length > 0),
      concatMap((citations) => citations),
    );
}

function arrivingCitations(event: AnyStreamEvent): CitationOf<AnyStreamEvent>[] {
  if (isCitationsDelta(event)) return event.delta.citation ? [event.delta.citation] : [];
  if (event.type !== 'content_block_start' || event.content_block?.type !== 'text') return [];
  if (isRestated(event)) return [];
  return event.content_block.citations ?? [];
}
