import type { AnyBlock } from '../history/blocks.ts';

type Role = 'user' | 'assistant';
type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === 'string';
const isRecord: Check = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isContent: Check = (value) => value === undefined || isString(value) || Array.isArray(value);

type Fields = Readonly<Record<string, readonly [isRight: Check, what: string]>>;

const TEXT = [isString, 'a string'] as const;
// As the API has it: SDK src/resources/messages/messages.ts `ToolUseBlockParam`.
const ID = [
  (value: unknown) => typeof value === 'string' && /^[\w-]+$/.test(value),
  'letters, digits, _ and -',
] as const;
const NAME = [(value: unknown) => isString(value) && value !== '', 'a name'] as const;
const CALL: Fields = { id: ID, name: NAME, input: [isRecord, 'an object'] };

/** The fields without which a block makes no sense; others may be anything. */
const FIELDS: ReadonlyMap<string, Fields> = new Map<string, Fields>([
  ['text', { text: TEXT }],
  ['thinking', { thinking: TEXT }],
  ['redacted_thinking', { data: TEXT }],
  ['tool_use', CALL],
  ['server_tool_use', CALL],
  ['mcp_tool_use', CALL],
  ['tool_result', { tool_use_id: ID, content: [isContent, 'a string or a list of blocks'] }],
]);

const ASSISTANT_ONLY =
  /^(tool_use|server_tool_use|mcp_tool_use|thinking|redacted_thinking)$|._tool_result$/;
const USER_ONLY = /^(tool_result|image|document|search_result)$/;

/** What is wrong with a block, with the path to it in front; `undefined` for one that can be sent. */
export function blockProblem(block: unknown, role: Role, path: string): string | undefined {
  if (!isRecord(block)) return `${path}: must be an object`;
  const { type, content } = block as AnyBlock;
  if (!isString(type)) return `${path}.type: must be a string`;
  if ((role === 'user' ? ASSISTANT_ONLY : USER_ONLY).test(type)) {
    const other = role === 'user' ? 'the model' : 'the user';
    return `${path}.type: a block of type '${type}' is for ${other}`;
  }
  for (const [name, [isRight, what]] of Object.entries(FIELDS.get(type) ?? {})) {
    if (!isRight((block as AnyBlock)[name])) return `${path}.${name}: must be ${what}`;
  }
  if (type !== 'tool_result' || !Array.isArray(content)) return undefined;
  return content
    .map((inner, index) => blockProblem(inner, 'user', `${path}.content[${index}]`))
    .find((problem) => problem !== undefined);
}
