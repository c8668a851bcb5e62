import type { AnyBlock } from '../../history/blocks.ts';
import { asString, fields } from '../../message/record.ts';

/** What an image may be (SDK src/resources/messages/messages.ts `Base64ImageSource`). */
const IMAGE = /^image\/(jpeg|png|gif|webp)$/;

/**
 * A file that a user has attached, as a block: an image, a PDF, or a text, from a `data:` URL, or an image
 * or a PDF from the address of a web page.
 *
 * @throws TypeError for any other file.
 */
export function fileBlock(part: object): AnyBlock {
  const { url, mediaType, filename } = fields(part);
  const data = /^data:([^;,]*)((?:;[^;,]*)*),([\s\S]*)$/.exec(asString(url));
  const media = (asString(mediaType) || data?.[1] || '').toLowerCase();
  const kind = IMAGE.test(media) ? 'image' : 'document';
  const title =
    kind === 'document' && asString(filename) !== '' ? { title: asString(filename) } : {};
  if (data) {
    const [, , parameters = '', body = ''] = data;
    const isBase64 = /;base64$/i.test(parameters);
    if (kind === 'image' || media === 'application/pdf') {
      const base64 = isBase64 ? body : encoded(body);
      return { type: kind, source: { type: 'base64', media_type: media, data: base64 }, ...title };
    }
    if (/^text\/|^application\/json$/.test(media)) {
      const text = isBase64 ? decoded(body) : decodeURIComponent(body);
      return {
        type: kind,
        source: { type: 'text', media_type: 'text/plain', data: text },
        ...title,
      };
    }
  } else if (/^https?:\/\//i.test(asString(url)) && /^image\/|^application\/pdf$/.test(media)) {
    return { type: kind, source: { type: 'url', url: asString(url) }, ...title };
  }
  throw new TypeError(
    `fromUiMessages: Claude takes no file of the type ${JSON.stringify(media)}: send an image, a PDF or ` +
      'a text, as a data: URL, or an image or a PDF as an https: URL',
  );
}

function decoded(base64: string): string {
  const binary = atob(base64);
  return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
}

function encoded(text: string): string {
  const bytes = new TextEncoder().encode(decodeURIComponent(text));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
