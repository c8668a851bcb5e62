import { isModelOnly, isUserOnly } from '../history/blockKinds.ts';
import type { AnyBlock } from '../history/blocks.ts';
import { MAX_DEPTH, wellFormed } from '../history/wellFormed.ts';
import { isRecord } from '../message/record.ts';

type Role = 'user' | 'assistant';
type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === 'string';
const isContent: Check = (value) => value === undefined || isString(value) || Array.isArray(value);

type Fields = readonly (readonly [name: string, isRight: Check, what: string])[];

const text = (name: string): Fields => [[name, isString, 'a string']];
// Ids of gateways may have any form; `sendBack` maps them to valid ids.
const id = (name: string): Fields => [[name, (value) => typeof value !== 'object', 'a string']];
const NONE: Fields = [];
const CALL: Fields = [
  ...id('id'),
  ['name', (value) => isString(value) && value !== '', 'a name'],
  ['input', isRecord, 'an object'],
];

/** The required fields of a block, by type; other fields may have any value. */
const FIELDS: ReadonlyMap<string, Fields> = new Map<string, Fields>([
  ['text', text('text')],
  ['thinking', text('thinking')],
  ['redacted_thinking', text('data')],
  ['tool_use', CALL],
  ['server_tool_use', CALL],
  ['mcp_tool_use', CALL],
  ['tool_result', [...id('tool_use_id'), ['content', isContent, 'a string or a list of blocks']]],
]);

/**
 * The problem of a block, to append to its path, such as `.text: must be a string`; `undefined` for a block
 * that can be sent.
 */
export function blockProblem(block: unknown, role: Role): string | undefined {
  // The depth is checked first, once for the whole block: the other checks are recursive.
  if (isRecord(block) && wellFormed(block) === undefined) {
    return `: must be nested at most ${MAX_DEPTH} levels deep`;
  }
  return fieldProblem(block, role);
}

function fieldProblem(block: unknown, role: Role): string | undefined {
  const problem = shapeProblem(block);
  if (problem !== undefined) return problem;
  const { type, content } = block as AnyBlock;
  if (role === 'user' ? isModelOnly({ type }) : isUserOnly({ type })) {
    const other = role === 'user' ? 'the model' : 'the user';
    return `.type: only ${other} can send a block of type '${type}'`;
  }
  for (const [name, isRight, what] of FIELDS.get(type) ?? NONE) {
    if (!isRight((block as AnyBlock)[name])) return `.${name}: must be ${what}`;
  }
  if (type !== 'tool_result' || !Array.isArray(content)) return undefined;
  for (const [index, inner] of content.entries()) {
    const innerProblem = fieldProblem(inner, 'user');
    if (innerProblem !== undefined) return `.content[${index}]${innerProblem}`;
  }
  return undefined;
}

/** The problem of a block of a reply. Any object with a `type` is valid, since all that arrived is kept. */
export function shapeProblem(block: unknown): string | undefined {
  if (!isRecord(block)) return ': must be an object';
  return isString(block['type']) ? undefined : '.type: must be a string';
}
