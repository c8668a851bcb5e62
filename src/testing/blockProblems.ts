import type { AnyBlock, SaidBefore } from './SaidBefore.ts';

/** The allowed fields of the blocks of a request. Blocks of other types are not checked. */
const FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['text', ['text', 'cache_control', 'citations']],
  ['thinking', ['thinking', 'signature']],
  ['redacted_thinking', ['data']],
  ['tool_use', ['id', 'name', 'input', 'cache_control', 'caller', 'toolset_name']],
  ['tool_result', ['tool_use_id', 'content', 'is_error', 'cache_control', 'toolset_name']],
]);
const REQUIRED: ReadonlyMap<string, readonly string[]> = new Map([
  ['text', ['text']],
  ['thinking', ['thinking', 'signature']],
  ['redacted_thinking', ['data']],
  ['tool_use', ['id', 'name', 'input']],
  ['tool_result', ['tool_use_id']],
]);

const ASSISTANT_ONLY =
  /^(tool_use|thinking|redacted_thinking|server_tool_use|mcp_tool_use)$|._tool_result$/;
// Documents in an assistant turn are refused since version 2026-10-21.
const USER_ONLY = /^(tool_result|image|document|search_result)$/;

export function isThought({ type }: AnyBlock): boolean {
  return type === 'thinking' || type === 'redacted_thinking';
}

/** The problems of a single block. Each text follows the path of the block. */
export function blockProblems(
  block: AnyBlock,
  role: string,
  said: SaidBefore | undefined,
): string[] {
  return [
    ...roleProblems(block, role),
    ...fieldProblems(block),
    ...textProblems(block, role),
    ...thinkingProblems(block, said),
    ...toolProblems(block),
  ];
}

function roleProblems({ type }: AnyBlock, role: string): string[] {
  if (role === 'assistant' && USER_ONLY.test(type)) {
    return [`: \`${type}\` blocks can only be in \`user\` messages`];
  }
  return role === 'user' && ASSISTANT_ONLY.test(type)
    ? [`: \`${type}\` blocks can only be in \`assistant\` messages`]
    : [];
}

function fieldProblems(block: AnyBlock): string[] {
  const { type, ...fields } = block;
  const known = FIELDS.get(type);
  const missing = REQUIRED.get(type)?.filter((name) => isMissing(name, fields[name]));
  return [
    ...(missing ?? []).map((name) => `.${type}.${name}: Field required`),
    ...Object.keys(known ? fields : {})
      .filter((name) => !known!.includes(name))
      .map((name) => `.${type}.${name}: Extra inputs are not permitted`),
  ];
}

function isMissing(name: string, value: unknown): boolean {
  return value == null || (name === 'signature' && value === '');
}

function textProblems({ type, text, citations, cache_control }: AnyBlock, role: string): string[] {
  if (type !== 'text' || typeof text !== 'string') return [];
  const hasCitations = Array.isArray(citations) && citations.length > 0;
  return [
    ...(text === '' ? [': text content blocks must be non-empty'] : []),
    ...(text !== '' && text.trim() === ''
      ? [': text content blocks must contain non-whitespace text']
      : []),
    ...(text === '' && cache_control
      ? ['.text: cache_control cannot be set for empty text blocks']
      : []),
    // Since version 2026-10-21.
    ...(role === 'user' && hasCitations
      ? ['.text.citations: `citations` can only be set in `assistant` messages']
      : []),
  ];
}

function thinkingProblems(block: AnyBlock, said: SaidBefore | undefined): string[] {
  if (!isThought(block)) return [];
  return [
    ...(block['cache_control'] ? [': cache_control cannot be set for thinking blocks'] : []),
    ...(said?.isModified(block)
      ? [
          ': `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.',
        ]
      : []),
  ];
}

function toolProblems({ type, id, name, input, tool_use_id, content }: AnyBlock): string[] {
  if (type === 'tool_result') {
    const texts = Array.isArray(content) ? (content as AnyBlock[]) : [];
    return [
      ...(isIdentifier(tool_use_id)
        ? []
        : ['.tool_result.tool_use_id: String should match pattern']),
      ...texts
        .filter((block) => block.type === 'text' && block['text'] === '')
        .map(() => '.tool_result.content: text content blocks must be non-empty'),
    ];
  }
  if (type !== 'tool_use') return [];
  const isDictionary = typeof input === 'object' && !Array.isArray(input);
  return [
    ...(isIdentifier(id) ? [] : [".tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"]),
    ...(typeof name === 'string' && name !== ''
      ? []
      : ['.tool_use.name: String should match pattern']),
    ...(isDictionary ? [] : ['.tool_use.input: Input should be a valid dictionary']),
  ];
}

function isIdentifier(value: unknown): boolean {
  return typeof value === 'string' && /^[\w-]+$/.test(value);
}
