import type { AnyBlock } from '../../history/blocks.ts';
import { asString, fields } from '../../message/record.ts';

/** The media types of images (SDK src/resources/messages/messages.ts `Base64ImageSource`). */
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
  // The AI SDK writes `image/*` for an image at an address whose type it does not know.
  const kind = IMAGE.test(media) || (!data && media === 'image/*') ? 'image' : 'document';
  const isBinary = kind === 'image' || media === 'application/pdf';
  const title =
    kind === 'document' && asString(filename) !== '' ? { title: asString(filename) } : {};
  if (data) {
    const [, , parameters = '', body = ''] = data;
    const isBase64 = /;base64$/i.test(parameters);
    if (isBinary) {
      const base64 = isBase64 ? body : encoded(percentDecoded(body));
      return { type: kind, source: { type: 'base64', media_type: media, data: base64 }, ...title };
    }
    if (/^text\/|^application\/json$/.test(media)) {
      const bytes = isBase64 ? base64Decoded(body) : percentDecoded(body);
      return {
        type: kind,
        source: { type: 'text', media_type: 'text/plain', data: new TextDecoder().decode(bytes) },
        ...title,
      };
    }
  } else if (isBinary && /^https?:\/\//i.test(asString(url))) {
    return { type: kind, source: { type: 'url', url: asString(url) }, ...title };
  }
  throw new TypeError(
    `fromUiMessages: Claude does not accept files of the type ${JSON.stringify(media)}: send an image, a PDF or ` +
      'a text, as a data: URL, or an image or a PDF as an https: URL',
  );
}

function base64Decoded(body: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
  } catch {
    throw malformed('base64');
  }
}

function percentDecoded(body: string): Uint8Array<ArrayBuffer> {
  if (/%(?![\da-f]{2})/i.test(body)) throw malformed('percent-encoded');
  const encoder = new TextEncoder();
  const parts = body.split(/(%[\da-f]{2})/i);
  return Uint8Array.from(
    parts.flatMap((part, index) =>
      index % 2 === 1 ? Number.parseInt(part.slice(1), 16) : [...encoder.encode(part)],
    ),
  );
}

function malformed(encoding: string): TypeError {
  return new TypeError(
    `fromUiMessages: the data: URL of a file must be ${encoding}, but is malformed: send the file ` +
      'as the AI SDK encodes it',
  );
}

function encoded(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
