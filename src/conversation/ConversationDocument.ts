import { unfinishedInput } from '../message/BlockBuilder.ts';
import type { AnyStreamEvent, PendingCall } from '../message/StreamEvent.ts';
import { fields as fieldsOf, isRecord } from '../message/record.ts';
import { blockProblem, shapeProblem } from './blockProblem.ts';
import type {
  AssistantMessage,
  ConversationCall,
  ConversationMessage,
  ConversationUsage,
  KeyedBlock,
  UserMessage,
} from './ConversationState.ts';
import { pendingCall } from './LiveReply.ts';
import { isBlankText } from '../history/blankText.ts';
import type { AnyBlock } from '../history/blocks.ts';
import { inOrder } from '../history/sendBack.ts';
import { COUNTERS } from './usage.ts';
import { textOf } from './userContent.ts';

const FORMAT = 'claude-rx/conversation';
/** To be increased when an older document could be misread. */
const VERSION = 1;
/** The default of `maxDocumentBlocks`. */
export const MAX_DOCUMENT_BLOCKS = 1_000_000;

/** A saved conversation, as plain JSON. */
export interface ConversationDocument {
  format: typeof FORMAT;
  version: typeof VERSION;
  messages: DocumentMessage[];
  usage: ConversationUsage;
  cost?: number;
}

/** A call that waits for an answer, in a document. */
export type DocumentCall = Omit<PendingCall, 'name' | 'input'>;

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
      /** Its calls that wait for answers. */
      pending?: DocumentCall[];
      model?: string;
      stop_reason?: string | null;
      stop_details?: object | null;
      usage?: object;
      prefix?: string;
      seam?: number;
      container?: string;
    };

/** The content of a document. */
export interface Kept<E extends AnyStreamEvent> {
  messages: readonly ConversationMessage<E>[];
  usage: ConversationUsage;
  cost: number | undefined;
}

/** The content of a conversation as a document. */
export function toDocument<E extends AnyStreamEvent>({
  messages,
  usage,
  cost,
}: Kept<E>): ConversationDocument {
  return documentOf(messages.map(toDocumentMessage), usage, cost);
}

/** A document with these parts. */
export function documentOf(
  messages: DocumentMessage[],
  usage: ConversationUsage,
  cost: number | undefined,
): ConversationDocument {
  return { format: FORMAT, version: VERSION, messages, usage, ...(cost !== undefined && { cost }) };
}

/** Optional fields of a reply that are the same in a message and in a document. */
const FACTS = [
  'model',
  'stop_reason',
  'stop_details',
  'usage',
  'prefix',
  'seam',
  'container',
] as const;

function copyFacts(from: Record<string, unknown>, to: Record<string, unknown>): void {
  for (const name of FACTS) if (from[name] !== undefined) to[name] = from[name];
}

export function toDocumentMessage<E extends AnyStreamEvent>(
  message: ConversationMessage<E>,
): DocumentMessage {
  const { key, blocks } = message;
  const content = blocks.map(({ block }) => toDocumentBlock(block));
  if (message.role !== 'assistant') return { key, role: message.role, content };
  const status = message.status as 'complete';
  const reply: DocumentMessage = { key, role: 'assistant', status, content };
  for (const { block, call } of blocks) {
    if (call?.result) (reply.results ??= []).push(call.result);
    if (call?.status === 'pending') {
      (reply.pending ??= []).push(documentCall((block as unknown as { id: string }).id, call));
    }
  }
  copyFacts(message as unknown as Record<string, unknown>, reply as never);
  return reply;
}

function documentCall(id: string, { awaits, subagent }: ConversationCall): DocumentCall {
  return { id, awaits: awaits ?? 'approval', ...(subagent && { subagent }) };
}

/** A property under a symbol is not in JSON, so it gets a name. */
function toDocumentBlock(block: object): object {
  if (!(unfinishedInput in block)) return block;
  const { [unfinishedInput]: unfinished_input, ...rest } = block;
  return { ...rest, unfinished_input };
}

/**
 * Reads a document of `toDocument`, and checks it, since it may be any value.
 *
 * @throws TypeError with the path of the problem
 */
export function readDocument<E extends AnyStreamEvent>(
  document: unknown,
  maxDocumentBlocks: number = MAX_DOCUMENT_BLOCKS,
  named: PathOf = (field) => `Conversation.fromJSON: ${field}`,
): Kept<E> {
  if (typeof document === 'string') {
    fail(named('the document'), 'is text: pass the result of JSON.parse');
  }
  const { format, version, messages, usage, cost } = record(document, 'the document', named);
  if (format !== FORMAT) {
    fail(named('format'), `must be '${FORMAT}': pass a document of toJSON()`);
  }
  if (version !== VERSION) {
    const given = typeof version === 'number' ? version : `of type ${typeof version}`;
    fail(
      named('version'),
      `must be ${VERSION}, not ${given}: another version of claude-rx wrote it`,
    );
  }
  const all = list(messages, 'messages', named);
  if (blockCount(all) > maxDocumentBlocks) {
    const most = `${maxDocumentBlocks} messages and blocks (\`maxDocumentBlocks\`)`;
    fail(named('the document'), `has more than ${most}`);
  }
  const keys = new Set<unknown>();
  const read = all.map((message, index) =>
    readMessage<E>(message, (field) => named(`messages[${index}]${field}`), keys),
  );
  if (read.length > 0 && read[0]!.role !== 'user')
    fail(named('messages[0].role'), "must be 'user'");
  const early = read.findIndex(
    (message, index) =>
      hasPending(message) && read.slice(index + 1).some(({ role }) => role !== 'system'),
  );
  if (early >= 0) fail(named(`messages[${early}].pending`), 'must be in the last reply only');
  const counters = record(usage, 'usage', named);
  for (const name of COUNTERS) number(counters[name], `usage.${name}`, named);
  // A sum that is not a number is `null` in JSON.
  if (cost != null) number(cost, 'cost', named);
  return { messages: read, usage: counters as never, cost: (cost ?? undefined) as never };
}

/** The number of messages, and of blocks, results and pending calls in them. */
function blockCount(messages: readonly unknown[]): number {
  let count = messages.length;
  for (const message of messages) {
    const { content, results, pending } = fieldsOf(message);
    for (const part of [content, results, pending]) if (Array.isArray(part)) count += part.length;
  }
  return count;
}

/** Returns the caller and the path of a field, for an error message. */
export type PathOf = (field: string) => string;

function readMessage<E extends AnyStreamEvent>(
  value: unknown,
  pathOf: PathOf,
  keys: Set<unknown>,
): ConversationMessage<E> {
  const fields = record(value, '', pathOf);
  const { key, role, content } = fields;
  if (typeof key !== 'string' || key === '') fail(pathOf('.key'), 'must be a string');
  if (keys.has(key)) fail(pathOf('.key'), `must be unique, but '${key}' occurs twice`);
  keys.add(key);
  if (role !== 'user' && role !== 'assistant' && role !== 'system')
    fail(pathOf('.role'), "must be 'user', 'assistant' or 'system'");
  const author = role === 'assistant' ? role : 'user';
  const blocks = list(content, '.content', pathOf).map((block, index) =>
    readBlock(block, author, (field) => pathOf(`.content[${index}]${field}`)),
  );
  const keyed = keyedBlocks(key, blocks);
  const text = textOf(blocks);
  if (role === 'assistant') return readReply<E>({ key, text, blocks: keyed }, fields, pathOf);
  if (blocks.every(isBlankText)) fail(pathOf('.content'), 'must not be empty');
  return { key, role, text, blocks: keyed } as unknown as UserMessage<E>;
}

function readReply<E extends AnyStreamEvent>(
  { key, text, blocks }: { key: string; text: string; blocks: readonly KeyedBlock<AnyBlock>[] },
  fields: Record<string, unknown>,
  pathOf: PathOf,
): AssistantMessage<E> {
  const { status, results, pending, prefix, seam, container } = fields;
  if (status !== 'complete' && status !== 'stopped' && status !== 'error') {
    fail(pathOf('.status'), "must be 'complete', 'stopped' or 'error'");
  }
  if (prefix !== undefined && typeof prefix !== 'string')
    fail(pathOf('.prefix'), 'must be a string');
  if (seam !== undefined) number(seam, '.seam', pathOf);
  if (container !== undefined && typeof container !== 'string') {
    fail(pathOf('.container'), 'must be a string');
  }
  const isOver = results === undefined && pending === undefined;
  const called = isOver ? blocks : withCalls(blocks, results ?? [], pending ?? [], pathOf);
  const reply = { key, role: 'assistant', status, text, blocks: called };
  copyFacts(fields, reply);
  return reply as unknown as AssistantMessage<E>;
}

/** The blocks of a reply, with the state of its calls. */
function withCalls(
  blocks: readonly KeyedBlock<AnyBlock>[],
  results: unknown,
  pending: unknown,
  pathOf: PathOf,
): KeyedBlock<AnyBlock>[] {
  /** How many calls with an id have no result. */
  const open = new Map<unknown, number>();
  const count = (id: unknown, more: number) => open.set(id, (open.get(id) ?? 0) + more);
  for (const { block } of blocks) if (block.type === 'tool_use') count(block['id'], 1);
  const given = list(results, '.results', pathOf).map((result, index) => {
    const pathInResult: PathOf = (field) => pathOf(`.results[${index}]${field}`);
    const block = readBlock(result, 'user', pathInResult);
    const isOfCall = block.type === 'tool_result' && open.has(block['tool_use_id']);
    if (!isOfCall) fail(pathInResult('.tool_use_id'), 'must be the id of a call in this message');
    return block;
  });
  for (const result of given) count(result['tool_use_id'], -1);
  const waiting = list(pending, '.pending', pathOf).map((call, index) => {
    const pathInCall: PathOf = (field) => pathOf(`.pending[${index}]${field}`);
    const waits = readPending(call, pathInCall);
    if ((open.get(waits.id) ?? 0) <= 0) {
      fail(pathInCall('.id'), 'must be the id of a call in this message that has no result');
    }
    count(waits.id, -1);
    return { tool_use_id: waits.id, call: pendingCall(waits) };
  });
  // Of calls with the same id, the results are in the order of the calls.
  const resultOf = inOrder(given);
  const pendingOf = inOrder(waiting);
  return blocks.map((one) => {
    const { type, id } = one.block;
    if (type !== 'tool_use') return one;
    const result = resultOf(id);
    const waits = result ? undefined : pendingOf(id);
    return waits ? { ...one, call: waits.call } : withResult(one, result);
  });
}

/** The maximum number of subagents inside each other; recursion would overflow the stack at some thousand. */
const MAX_SUBAGENTS = 100;
const REASONS: ReadonlySet<unknown> = new Set(['approval', 'result', 'subagent']);

/** A pending call of a reply, or of a subagent. */
function readPending(value: unknown, pathOf: PathOf, depth: number = MAX_SUBAGENTS): DocumentCall {
  if (depth === 0) fail(pathOf(''), `must be nested at most ${MAX_SUBAGENTS} subagents deep`);
  const call = record(value, '', pathOf);
  const { id, awaits, subagent } = call;
  if (typeof id !== 'string') fail(pathOf('.id'), 'must be a string');
  if (!REASONS.has(awaits)) {
    fail(pathOf('.awaits'), "must be 'approval', 'result' or 'subagent'");
  }
  if (awaits === 'subagent') {
    const pathInIt: PathOf = (field) => pathOf(`.subagent${field}`);
    const { appended, pending } = record(subagent, '', pathInIt);
    list(appended, '.appended', pathInIt).forEach((message, index) =>
      record(message, `.appended[${index}]`, pathInIt),
    );
    list(pending, '.pending', pathInIt).forEach((one, index) =>
      readPending(one, (field) => pathInIt(`.pending[${index}]${field}`), depth - 1),
    );
  }
  return call as unknown as DocumentCall;
}

function hasPending<E extends AnyStreamEvent>({ blocks }: ConversationMessage<E>): boolean {
  return blocks.some(({ call }) => call?.status === 'pending');
}

/** The block with the result of its call. */
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

/** Checks a block: one of the user must be valid for a request; one of a reply only needs a `type`. */
function readBlock(value: unknown, role: 'user' | 'assistant', pathOf: PathOf): AnyBlock {
  const problem = role === 'user' ? blockProblem(value, role) : shapeProblem(value);
  if (problem) throw new TypeError(pathOf(problem));
  if ((value as AnyBlock)['unfinished_input'] === undefined) return value as AnyBlock;
  const { unfinished_input, ...block } = value as AnyBlock;
  if (typeof unfinished_input !== 'string') fail(pathOf('.unfinished_input'), 'must be a string');
  return { ...block, [unfinishedInput]: unfinished_input } as AnyBlock;
}

export function record(value: unknown, field: string, pathOf: PathOf): Record<string, unknown> {
  if (isRecord(value)) return value as Record<string, unknown>;
  return fail(pathOf(field), 'must be an object');
}

export function list(value: unknown, field: string, pathOf: PathOf): unknown[] {
  return Array.isArray(value) ? value : fail(pathOf(field), 'must be a list');
}

function number(value: unknown, field: string, pathOf: PathOf): void {
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return;
  fail(pathOf(field), 'must be a number from 0 on');
}

export function fail(path: string, problem: string): never {
  throw new TypeError(`${path}: ${problem}`);
}
