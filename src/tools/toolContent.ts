import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { wellFormed, wellFormedText } from '../history/wellFormed.ts';

export type ToolContent = ToolResultBlockParam['content'];

type Fields = Record<string, unknown>;

/**
 * The types of blocks in a result (SDK src/resources/messages/messages.ts `ToolResultBlockParam`), and a
 * test that distinguishes each from data with the same `type`.
 */
const BLOCKS: ReadonlyMap<unknown, (block: Fields) => boolean> = new Map([
  ['text', isText],
  ['image', hasSource],
  ['document', hasSource],
  ['search_result', ({ source, content }) => isString(source) && Array.isArray(content)],
  ['tool_reference', ({ tool_name }) => isString(tool_name)],
  ['browser_state', ({ tabs }) => Array.isArray(tabs)],
]);
const TEXT_FIELDS: ReadonlySet<string> = new Set(['type', 'text', 'citations', 'cache_control']);

/**
 * Converts the value of a tool to the content of its result: text and content blocks as they are, any other
 * value as JSON, and `undefined` as no content.
 *
 * @throws TypeError for a value that JSON cannot express.
 */
export function toolContent(value: unknown): ToolContent {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return wellFormedText(value);
  const blocks = Array.isArray(value) ? value : [value];
  if (blocks.length > 0 && blocks.every(isBlock)) {
    // The API refuses an empty text.
    const said = blocks.filter(({ type, text }) => type !== 'text' || text !== '');
    if (said.length === 0) return undefined;
    const content = wellFormed(said);
    if (content === undefined) throw tooDeep();
    return content as unknown as ToolContent;
  }
  const json = jsonOf(value);
  if (json === undefined) throw new TypeError(`a ${typeof value} cannot be sent as a result`);
  return json;
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // The stack overflows at some thousand levels.
    throw error instanceof RangeError ? tooDeep() : error;
  }
}

function tooDeep(): TypeError {
  return new TypeError('content that is nested so deep cannot be sent');
}

/** The content for the model of an error. Never empty, which the API would refuse; never throws. */
export function errorContent(error: unknown): NonNullable<ToolContent> {
  try {
    return contentOf(error);
  } catch {
    // The error cannot be read: its getters throw, it has no prototype, or it is a proxy.
    return `Error: ${NO_REASON}`;
  }
}

const NO_REASON = 'the tool failed and did not say why';

function contentOf(error: unknown): NonNullable<ToolContent> {
  // An error of the SDK's class `ToolError` has its own content: SDK src/lib/tools/ToolError.ts.
  const { name, content } = (error ?? {}) as { name?: unknown; content?: unknown };
  const isSaid = (typeof content === 'string' || Array.isArray(content)) && content.length > 0;
  const given = name === 'ToolError' && isSaid ? toolContent(content) : undefined;
  if (given !== undefined) return given;
  const message = error instanceof Error ? error.message : String(error);
  return wellFormedText(`Error: ${message || NO_REASON}`);
}

function isBlock(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  return BLOCKS.get((value as Fields)['type'])?.(value as Fields) ?? false;
}

function isText(block: Fields): boolean {
  return isString(block['text']) && Object.keys(block).every((field) => TEXT_FIELDS.has(field));
}

function hasSource({ source }: Fields): boolean {
  return isString((source as Fields | null | undefined)?.['type']);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}
