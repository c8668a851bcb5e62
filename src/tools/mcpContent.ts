import { isBlank } from '../history/blankText.ts';
import { fields } from '../message/record.ts';
import type { McpToolResult } from './McpClient.ts';
import { type ToolContent, toolContent } from './toolContent.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The image types that the API accepts: SDK src/resources/messages/messages.ts `Base64ImageSource`. */
const IMAGES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);
/** The media types of text, also those that do not begin with `text/`. */
const TEXTS = /^(text\/.*|application\/((.*\+)?(json|xml|yaml)|javascript|x-yaml|sql|graphql))$/;
/** The maximum length of the title of a document. */
const LONGEST_TITLE = 500;

/**
 * Converts the result of an MCP server to the content of a tool result of the API. Content that the API
 * does not accept is replaced by a text that names it, so that the model knows of it.
 *
 * | kind | content |
 * |---|---|
 * | text | text; empty text is left out |
 * | image | image, if the API accepts its media type |
 * | resource | text, also of a media type such as JSON: a document; image: image; PDF: a document |
 * | resource link | its fields as JSON |
 * | structured content | JSON, if there is no text: servers repeat it as text |
 * | audio, other media types | a text with the kind, the media type and the size |
 */
export function mcpContent(result: McpToolResult): ToolContent {
  const { structuredContent, toolResult } = result;
  const content = result.content ?? [];
  if (toolResult !== undefined) return toolContent(toolResult);
  const blocks = content.map((block) => contentBlock(fields(block)));
  const hasText = content.some(
    (block) => fields(block)['type'] === 'text' && !isBlank(fields(block)['text']),
  );
  if (structuredContent !== undefined && !hasText) blocks.push(text(structuredContent));
  return blocks.length === 0 ? undefined : toolContent(blocks);
}

function contentBlock(block: Fields): object {
  const { type, data, mimeType } = block;
  switch (type) {
    case 'text':
      return text(String(block['text'] ?? ''));
    case 'image':
      return mediaBlock({ kind: 'image', data, mimeType });
    case 'resource': {
      const { uri, text: written, blob, mimeType: media } = fields(block['resource']);
      if (typeof written === 'string') return document(written, uri);
      return mediaBlock({ kind: 'resource', data: blob, mimeType: media, uri });
    }
    case 'resource_link': {
      const { uri, name, title, description, size } = block;
      return text({ type, uri, name, title, description, mimeType, size });
    }
    default:
      return notice({ kind: String(type), data, mimeType });
  }
}

interface Media {
  kind: string;
  /** In Base64. */
  data: unknown;
  mimeType: unknown;
  uri?: unknown;
}

function mediaBlock(media: Media): object {
  const { data, uri } = media;
  if (typeof data !== 'string') return notice(media);
  const named = String(media.mimeType ?? '').toLowerCase();
  const media_type = named.replace(/;.*/, '').trim().replace('image/jpg', 'image/jpeg');
  const source = { type: 'base64', media_type, data };
  if (IMAGES.has(media_type)) return { type: 'image', source };
  if (media_type === 'application/pdf') return { type: 'document', source, ...titled(uri) };
  const written = TEXTS.test(media_type) ? decoded(data) : undefined;
  return written === undefined ? notice(media) : document(written, uri);
}

function document(data: string, uri: unknown): object {
  // The API refuses an empty document.
  if (data === '') return text(`[${['resource', ...nameOf(uri)].join(', ')}: empty]`);
  return {
    type: 'document',
    source: { type: 'text', media_type: 'text/plain', data },
    ...titled(uri),
  };
}

function titled(uri: unknown): object {
  return Object.fromEntries(nameOf(uri).map((title) => ['title', title.slice(0, LONGEST_TITLE)]));
}

function nameOf(uri: unknown): string[] {
  return typeof uri === 'string' && uri !== '' ? [uri] : [];
}

/** A text that names content that cannot be sent. */
function notice({ kind, data, mimeType, uri }: Media): object {
  const size = typeof data === 'string' ? [`${bytesOf(data)} bytes`] : [];
  const parts = [kind, ...nameOf(uri), ...nameOf(mimeType), ...size];
  return text(`[${parts.join(', ')}: content of this kind cannot be shown to you]`);
}

function text(value: unknown): object {
  return { type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) };
}

function bytesOf(base64: string): number {
  return Math.floor((base64.replace(/=+$/, '').length * 3) / 4);
}

function decoded(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
