import { asString, type Fields, isRecord } from '../../message/record.ts';

/** A web page or a document that a reply cites or has found. */
export type Source = { url: string; title?: string } | { mediaType: string; title: string };

/** The results of a search, or the citations of a text, as the sources that a page lists. */
export function sourcesOf({ content, citations }: Fields): Source[] {
  const items: unknown[] = Array.isArray(citations)
    ? citations
    : Array.isArray(content)
      ? content
      : [];
  return items.flatMap((item) => (isRecord(item) ? sourceOf(item) : []));
}

function sourceOf({ type, url, title, document_title }: Fields): Source[] {
  if (typeof url === 'string' && url !== '')
    return [{ url, ...(asString(title) !== '' && { title: asString(title) }) }];
  const name = asString(document_title);
  if (name === '') return [];
  // Source: docs /docs/en/build-with-claude/citations.
  const mediaType = type === 'page_location' ? 'application/pdf' : 'text/plain';
  return [{ mediaType, title: name }];
}
