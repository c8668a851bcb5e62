import { sameJson } from '../../json/sameJson.ts';
import { isServerCall, isServerResult } from '../../history/blockKinds.ts';
import type { AnyBlock } from '../../history/blocks.ts';
import { asString, type Fields, fields, parseRecord } from '../../message/record.ts';
import { unfinishedInput } from '../../message/BlockBuilder.ts';

/**
 * The fields of a block that AG-UI messages do not have, under `metadata.claude` of the message or call.
 * Pages return metadata unchanged. Absent if there are no such fields.
 */
export interface ClaudeMetadata {
  claude: Fields;
}

/** The metadata for `rest`; none if `rest` is empty. */
function metadataOf(rest: Fields): { metadata?: ClaudeMetadata } {
  return Object.keys(rest).length === 0 ? {} : { metadata: { claude: rest } };
}

/** Reads the metadata that `metadataOf` wrote for a message or a call. */
export function claudeFields({ metadata }: { metadata?: unknown }): Fields {
  return fields(fields(metadata)['claude']);
}

/** The fields that are not null. */
function withoutNulls(rest: Fields): Fields {
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value != null));
}

/** The text of consecutive blocks as one content, with the end of each block. */
export function textContent(blocks: readonly Fields[]): {
  content: string;
  metadata?: ClaudeMetadata;
} {
  const texts = blocks.map(({ type: _, text, ...rest }) => ({
    length: asString(text).length,
    ...withoutNulls(rest),
  }));
  const isPlain = texts.length === 1 && Object.keys(texts[0]!).length === 1;
  const content = blocks.map(({ text }) => asString(text)).join('');
  return { content, ...metadataOf(isPlain ? {} : { texts }) };
}

/** The blocks that `textContent` joined; a single block if the content was changed since. */
export function textBlocks(message: { content?: unknown; metadata?: unknown }): AnyBlock[] {
  const content = asString(message.content);
  const parts = splitAt(content, claudeFields(message)['texts']);
  return parts ?? (content === '' ? [] : [{ type: 'text', text: content }]);
}

function splitAt(content: string, texts: unknown): AnyBlock[] | undefined {
  if (!Array.isArray(texts)) return undefined;
  const blocks: AnyBlock[] = [];
  let at = 0;
  for (const one of texts) {
    const { length, ...rest } = fields(one);
    if (!Number.isInteger(length) || (length as number) < 0) return undefined;
    const end = at + (length as number);
    blocks.push({ ...rest, type: 'text', text: content.slice(at, end) });
    at = end;
  }
  return at === content.length ? blocks : undefined;
}

/** The fields of a call without its id, name and input. */
export function callMetadata(block: Fields): { metadata?: ClaudeMetadata } {
  const { id: _, name: _name, input: _input, type, ...rest } = block;
  return metadataOf({ ...(type !== 'tool_use' && { type }), ...withoutNulls(rest) });
}

/** The arguments of a call as JSON, or the part that has arrived. */
export function argumentsOf(block: Fields): string {
  return asString(block[unfinishedInput]) || JSON.stringify(block['input'] ?? {});
}

/** The block of a call, and whether its arguments are valid JSON. */
export function callBlock(call: {
  id: string;
  function: { name: string; arguments: string };
  metadata?: unknown;
}): { block: AnyBlock; isReadable: boolean } {
  const { type, ...rest } = claudeFields(call);
  const { name, arguments: json } = call.function;
  const input = json === '' ? {} : parseRecord(json);
  const kind = { type: asString(type) };
  return {
    block: {
      ...rest,
      type: isServerCall(kind) ? kind.type : 'tool_use',
      id: call.id,
      name,
      input: input ?? {},
    },
    isReadable: input !== undefined,
  };
}

/** The content that thinking is bound to. Thinking may only be sent back after exactly this content. */
export interface Binding {
  /** The fingerprint of the request before the reply. */
  prefix?: string;
  /** The fingerprint of the blocks of the reply, up to this block. */
  blocks?: string;
}

/** A reasoning message as it was sent to the page. */
export interface Thought extends Binding {
  block?: AnyBlock;
  /** The original id of the message: clients may change it. */
  id?: string;
}

/**
 * The encrypted value of a reasoning message: its signature, or a block that a page cannot show. It
 * includes everything that proves its position, because clients return it unchanged, but not all
 * clients return the id and the metadata of such a message.
 */
export function sealThought(block: Fields, id: string, binding: Binding): string {
  const { type, signature } = block;
  const sealed = type === 'thinking' ? { type, signature } : block;
  return JSON.stringify({ block: sealed, id, ...binding });
}

/** Reads the value of `sealThought`. A value that is not a JSON object is a signature of another server. */
export function openThought(message: { content?: unknown; encryptedValue?: unknown }): Thought {
  const value = asString(message.encryptedValue);
  const thinking = asString(message.content);
  if (value === '') return {};
  if (!value.startsWith('{')) return { block: { type: 'thinking', thinking, signature: value } };
  const { block, id, prefix, blocks } = parseRecord(value) ?? {};
  const { type, ...rest } = fields(block);
  if (typeof type !== 'string' || typeof id !== 'string') return {};
  return {
    block: type === 'thinking' ? { type, thinking, ...rest } : { ...rest, type },
    id,
    ...(typeof prefix === 'string' && { prefix }),
    ...(typeof blocks === 'string' && { blocks }),
  };
}

/** Metadata of a message that stands for a missing result: there was none, or the call was cut off. */
export const NO_RESULT: ClaudeMetadata = { claude: { result: 'none' } };
export const CUT_CALL: ClaudeMetadata = { claude: { result: 'cut' } };

type ContentPart =
  | { type: 'text'; text: string }
  | { type: 'image' | 'document'; source: PartSource };
type PartSource =
  | { type: 'data'; value: string; mimeType: string }
  | { type: 'url'; value: string };

export interface ResultContent {
  content: string | ContentPart[];
  metadata?: ClaudeMetadata;
}

/** The result of a client-side or server-side call, as the content of a message. */
export function resultContent(block: Fields): ResultContent {
  const { type, tool_use_id: _, content, ...rest } = block;
  const more = withoutNulls(rest);
  if (isServerResult({ type: asString(type) })) {
    const isText = typeof content === 'string';
    const text = isText ? content : JSON.stringify(content ?? null);
    return { content: text, ...metadataOf({ type, ...more, ...(!isText && { json: true }) }) };
  }
  if (typeof content === 'string') return { content, ...metadataOf(more) };
  const blocks = Array.isArray(content) ? (content as AnyBlock[]) : [];
  if (blocks.every(isPlainText)) {
    const texts = blocks.map(({ text }) => text as string);
    const lengths = content === undefined ? 'none' : texts.map(({ length }) => length);
    return { content: texts.join(''), ...metadataOf({ ...more, texts: lengths }) };
  }
  const parts = blocks.map(partOf);
  const isExact = parts.every((part, index) => sameJson(blockOf(part), blocks[index]));
  return { content: parts, ...metadataOf({ ...more, ...(!isExact && { content }) }) };
}

/** The result block for the content of `resultContent`, or for any result that a page sends. */
export function resultBlock(message: {
  toolCallId: string;
  content?: unknown;
  error?: unknown;
  metadata?: unknown;
}): AnyBlock {
  const { toolCallId: tool_use_id, content, error } = message;
  const { type, json, texts, content: exact, result: _, ...rest } = claudeFields(message);
  const kind = { type: asString(type) };
  if (isServerResult(kind)) {
    return { ...rest, ...kind, tool_use_id, content: json === true ? parsed(content) : content };
  }
  const block = { ...rest, type: 'tool_result', tool_use_id };
  if (Array.isArray(exact)) return { ...block, content: exact };
  if (texts === 'none' && content === '') return block;
  if (typeof error === 'string' && error !== '') {
    return { ...block, content: contentBlocks(content) || error, is_error: true };
  }
  const parts = typeof content === 'string' ? splitAt(content, lengthsOf(texts)) : undefined;
  return { ...block, content: parts ?? contentBlocks(content) };
}

function lengthsOf(texts: unknown): unknown {
  return Array.isArray(texts) ? texts.map((length: unknown) => ({ length })) : undefined;
}

function parsed(content: unknown): unknown {
  try {
    return JSON.parse(asString(content));
  } catch {
    return [];
  }
}

/** The content of a page's message as the blocks of a request. */
export function contentBlocks(content: unknown): string | AnyBlock[] {
  if (!Array.isArray(content)) return asString(content);
  return content.map(blockOf);
}

function isPlainText(block: AnyBlock): boolean {
  const { type, text, ...rest } = block;
  return type === 'text' && typeof text === 'string' && Object.keys(rest).length === 0;
}

function partOf(block: AnyBlock): ContentPart {
  const { type } = block;
  if (type === 'text') return { type, text: asString(block['text']) };
  if (type === 'image' || type === 'document') {
    const { type: kind, data, media_type, url } = fields(block['source']);
    if (kind === 'url') return { type, source: { type: 'url', value: asString(url) } };
    if (kind === 'base64') {
      const source = { value: asString(data), mimeType: asString(media_type) };
      return { type, source: { type: 'data', ...source } };
    }
  }
  return { type: 'text', text: JSON.stringify(block) };
}

/**
 * A part of a page's message as a block of a request.
 *
 * @throws TypeError for a part that the API does not accept
 */
function blockOf(part: unknown): AnyBlock {
  const { type, text, source } = fields(part);
  if (type === 'text') return { type, text: asString(text) };
  const { type: kind, value, mimeType } = fields(source);
  if ((type === 'image' || type === 'document') && typeof value === 'string') {
    if (kind === 'url') return { type, source: { type: 'url', url: value } };
    if (kind === 'file') return { type, source: { type: 'file', file_id: value } };
    const isPlain = type === 'document' && asString(mimeType).startsWith('text/');
    if (kind === 'data' && isPlain) {
      return { type, source: { type: 'text', media_type: 'text/plain', data: decoded(value) } };
    }
    if (kind === 'data' && typeof mimeType === 'string') {
      return { type, source: { type: 'base64', media_type: mimeType, data: value } };
    }
  }
  throw new TypeError(
    `fromRunInput: a part of a message must be a text, an image or a document with a source, not ${asString(type) || typeof type}`,
  );
}

/** Decodes text from base64. */
function decoded(base64: string): string {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    throw new TypeError(
      'fromRunInput: the `value` of a text document must be base64: encode the text',
    );
  }
}
