import { unfinishedInput } from '../message/BlockBuilder.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { blockProblem, shapeProblem } from './blockProblem.ts';
import type {
  AssistantMessage,
  ConversationMessage,
  ConversationUsage,
  KeyedBlock,
  UserMessage,
} from './ConversationState.ts';
import { isBlankText } from '../history/blankText.ts';
import type { AnyBlock } from '../history/blocks.ts';
import { COUNTERS } from './usage.ts';
import { textOf } from './userContent.ts';

const FORMAT = 'claude-rx/conversation';
/** Counts up when a document of before could be misread. */
const VERSION = 1;

/** A conversation as it is kept: plain JSON. */
export interface ConversationDocument {
  format: typeof FORMAT;
  version: typeof VERSION;
  messages: DocumentMessage[];
  usage: ConversationUsage;
  cost?: number;
}

/** A message in a document. */
export type DocumentMessage =
  | { key: string; role: 'user' | 'system'; content: object[] }
  | {
      key: string;
      role: 'assistant';
      status: 'complete' | 'stopped' | 'error';
      content: object[];
      /** The results of its calls. */
      results?: object[];
      /** The ids of its calls that wait for answers. */
      pending?: string[];
      model?: string;
      stop_reason?: string | null;
      stop_details?: object | null;
      usage?: object;
      prefix?: string;
      seam?: number;
      container?: string;
    };

/** What a document holds. */
export interface Kept<E extends AnyStreamEvent> {
  messages: readonly ConversationMessage<E>[];
  usage: ConversationUsage;
  cost: number | undefined;
}

/** What a conversation holds, as a document. */
export function toDocument<E extends AnyStreamEvent>({
  messages,
  usage,
  cost,
}: Kept<E>): ConversationDocument {
  return {
    format: FORMAT,
    version: VERSION,
    messages: messages.map(toDocumentMessage),
    usage,
    ...(cost !== undefined && { cost }),
  };
}

function toDocumentMessage<E extends AnyStreamEvent>(
  message: ConversationMessage<E>,
): DocumentMessage {
  const { key } = message;
  const content = message.blocks.map(({ block }) => toDocumentBlock(block));
  if (message.role !== 'assistant') return { key, role: message.role, content };
  const { text: _, blocks, status, ...rest } = message;
  const results = blocks.flatMap(({ call }) => call?.result ?? []);
  const pending = blocks.flatMap(({ block, call }) =>
    call?.status === 'pending' ? (block as unknown as { id: string }).id : [],
  );
  return {
    ...(rest as object),
    key,
    role: 'assistant',
    status: status as 'complete',
    content,
    ...(results.length > 0 && { results }),
    ...(pending.length > 0 && { pending }),
  };
}

/** What is under a symbol does not reach JSON. */
function toDocumentBlock(block: object): object {
  if (!(unfinishedInput in block)) return block;
  const { [unfinishedInput]: unfinished_input, ...rest } = block;
  return { ...rest, unfinished_input };
}

/**
 * Reads what `toDocument` has written, and whatever else it is given.
 *
 * @throws TypeError with the path of what is wrong
 */
export function readDocument<E extends AnyStreamEvent>(document: unknown): Kept<E> {
  if (typeof document === 'string') fail('the document', 'is text: pass what JSON.parse gives');
  const { format, version, messages, usage, cost } = record(document, 'the document');
  if (format !== FORMAT) fail('format', `must be '${FORMAT}': this is another kind of document`);
  if (version !== VERSION) {
    fail('version', `must be ${VERSION}, not ${JSON.stringify(version)}: it is of another version`);
  }
  const keys = new Set<unknown>();
  const read = list(messages, 'messages').map((message, index) =>
    readMessage<E>(message, `messages[${index}]`, keys),
  );
  if (read.length > 0 && read[0]!.role !== 'user') fail('messages[0].role', "must be 'user'");
  const early = read.findIndex(
    (message, index) =>
      hasPending(message) && read.slice(index + 1).some(({ role }) => role !== 'system'),
  );
  if (early >= 0) fail(`messages[${early}].pending`, 'must be in the last reply only');
  const counters = record(usage, 'usage');
  for (const name of COUNTERS) number(counters[name], `usage.${name}`);
  // A sum that is no number is `null` in JSON.
  if (cost != null) number(cost, 'cost');
  return { messages: read, usage: counters as never, cost: (cost ?? undefined) as never };
}

function readMessage<E extends AnyStreamEvent>(
  value: unknown,
  path: string,
  keys: Set<unknown>,
): ConversationMessage<E> {
  const { key, role, content, ...rest } = record(value, path);
  unique(key, `${path}.key`, keys);
  if (role !== 'user' && role !== 'assistant' && role !== 'system')
    fail(`${path}.role`, "must be 'user', 'assistant' or 'system'");
  const author = role === 'assistant' ? role : 'user';
  const blocks = list(content, `${path}.content`).map((block, index) =>
    readBlock(block, author, `${path}.content[${index}]`),
  );
  const keyed = keyedBlocks(String(key), blocks);
  if (role !== 'assistant') {
    if (blocks.every(isBlankText)) fail(`${path}.content`, 'must not be empty');
    return { key, role, text: textOf(blocks), blocks: keyed } as unknown as UserMessage<E>;
  }
  return readReply<E>({ key, text: textOf(blocks) }, keyed, rest, path);
}

function readReply<E extends AnyStreamEvent>(
  { key, text }: { key: unknown; text: string },
  blocks: KeyedBlock<AnyBlock>[],
  {
    status,
    results = [],
    pending = [],
    model,
    stop_reason,
    stop_details,
    usage,
    prefix,
    seam,
    container,
  }: Record<string, unknown>,
  path: string,
): AssistantMessage<E> {
  if (status !== 'complete' && status !== 'stopped' && status !== 'error') {
    fail(`${path}.status`, "must be 'complete', 'stopped' or 'error'");
  }
  if (prefix !== undefined && typeof prefix !== 'string')
    fail(`${path}.prefix`, 'must be a string');
  if (seam !== undefined) number(seam, `${path}.seam`);
  if (container !== undefined && typeof container !== 'string') {
    fail(`${path}.container`, 'must be a string');
  }
  const given = new Map<unknown, AnyBlock>();
  list(results, `${path}.results`).forEach((result, index) => {
    const place = `${path}.results[${index}]`;
    const block = readBlock(result, 'user', place);
    const isOfCall = blocks.some((one) => isCallOf(one.block, block));
    if (!isOfCall) fail(`${place}.tool_use_id`, 'must be the id of a call in this message');
    given.set(block['tool_use_id'], block);
  });
  const waiting = new Set(list(pending, `${path}.pending`));
  for (const id of waiting) {
    const isOpen = blocks.some(({ block }) => block.type === 'tool_use' && block['id'] === id);
    if (isOpen && !given.has(id)) continue;
    fail(`${path}.pending`, 'must be the ids of calls in this message that have no result');
  }
  return {
    key,
    role: 'assistant',
    status,
    text,
    blocks: blocks.map((one) => {
      const { id } = one.block;
      if (waiting.has(id) && one.block.type === 'tool_use') {
        return { ...one, call: { status: 'pending' } };
      }
      return withResult(one, given.get(id));
    }),
    ...(model !== undefined && { model }),
    ...(stop_reason !== undefined && { stop_reason }),
    ...(stop_details !== undefined && { stop_details }),
    ...(usage !== undefined && { usage }),
    ...(prefix !== undefined && { prefix }),
    ...(seam !== undefined && { seam }),
    ...(container !== undefined && { container }),
  } as unknown as AssistantMessage<E>;
}

function hasPending<E extends AnyStreamEvent>({ blocks }: ConversationMessage<E>): boolean {
  return blocks.some(({ call }) => call?.status === 'pending');
}

function isCallOf({ type, id }: AnyBlock, result: AnyBlock): boolean {
  return type === 'tool_use' && result.type === 'tool_result' && id === result['tool_use_id'];
}

/** The block with what its tool gave. */
export function withResult<Block extends { type: string }>(
  keyed: KeyedBlock<Block>,
  result: object | undefined,
): KeyedBlock<Block> {
  if (result === undefined || keyed.block.type !== 'tool_use') return keyed;
  const status = (result as { is_error?: unknown }).is_error === true ? 'failed' : 'done';
  return { ...keyed, call: { status, result: result as never } };
}

export function keyedBlocks<Block>(key: string, blocks: readonly Block[]): KeyedBlock<Block>[] {
  return blocks.map((block, index) => ({ key: `${key}.${index + 1}`, block }));
}

/** A block of the user's, which can be sent; or one of a reply, which may be whatever came. */
function readBlock(value: unknown, role: 'user' | 'assistant', path: string): AnyBlock {
  const problem = role === 'user' ? blockProblem(value, role, path) : shapeProblem(value, path);
  if (problem) throw new TypeError(`Conversation.fromJSON: ${problem}`);
  const { unfinished_input, ...block } = value as AnyBlock;
  if (unfinished_input === undefined) return block;
  if (typeof unfinished_input !== 'string') fail(`${path}.unfinished_input`, 'must be a string');
  return { ...block, [unfinishedInput]: unfinished_input } as AnyBlock;
}

function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  return fail(path, 'must be an object');
}

function list(value: unknown, path: string): unknown[] {
  return Array.isArray(value) ? value : fail(path, 'must be a list');
}

function number(value: unknown, path: string): void {
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return;
  fail(path, 'must be a number from 0 on');
}

function unique(value: unknown, path: string, seen: Set<unknown>): void {
  if (typeof value !== 'string' || value === '') fail(path, 'must be a string');
  if (seen.has(value)) fail(path, `is '${value}', which is there already`);
  seen.add(value);
}

function fail(path: string, problem: string): never {
  throw new TypeError(`Conversation.fromJSON: ${path}: ${problem}`);
}
