import type {
  AssistantMessage,
  ConversationMessage,
  KeyedBlock,
} from '../../conversation/ConversationState.ts';
import { keyedBlocks, withResult } from '../../conversation/ConversationDocument.ts';
import { isServerResult, isThought } from '../../history/blockKinds.ts';
import { type AnyBlock, textOf, withBlock } from '../../history/blocks.ts';
import { GO_ON, pendingResult } from '../../history/sendBack.ts';
import type { AgUiMessage } from './AgUiEvent.ts';
import {
  callBlock,
  claudeFields,
  contentBlocks,
  openThought,
  resultBlock,
  textBlocks,
} from './blockFields.ts';
import { fields } from '../../message/record.ts';
import { placeOf, runOf } from './messageId.ts';

type ToolMessage = AgUiMessage & { role: 'tool' };
type ReplyMessage = AgUiMessage & { role: 'assistant' | 'reasoning' | 'tool' };

/** A reply, as the messages of a thread that it has become. */
interface ReplyDraft {
  /** Names the reply; `undefined` for one that this package has not made. */
  reply: string | undefined;
  messages: ReplyMessage[];
  results: Map<string, ToolMessage>;
}

export interface ConversationMessagesOptions {
  /** Whether another reply is asked for: one that is answered by nobody is asked to go on. */
  isAsked?: boolean | undefined;
  /** The ids of calls whose answer comes apart from the messages. */
  pending?: ReadonlySet<string> | undefined;
}

const GO_ON_MESSAGE = { id: '', role: 'user', content: textOf(GO_ON) } as const;

/**
 * The messages of a thread of AG-UI as those of a conversation: the messages that were one reply are one
 * again, with its blocks as they came, and each call has its result. Messages of the system and
 * activities are left out.
 */
export function conversationMessages(
  messages: readonly AgUiMessage[],
  { isAsked = false, pending }: ConversationMessagesOptions = {},
): ConversationMessage[] {
  const made: (ConversationMessage | ReplyDraft)[] = [];
  const goOn = () => {
    if (isUnanswered(made.at(-1))) made.push(userMessage(GO_ON_MESSAGE, `m${made.length + 1}`));
  };
  const replyOfCall = new Map<string, ReplyDraft>();
  let region: ReplyDraft[] = [];
  for (const given of messages) {
    const message = withOwnId(given);
    if (message.role === 'user') {
      region = [];
      made.push(userMessage(message, `m${made.length + 1}`));
      continue;
    }
    if (!isOfReply(message)) continue;
    const isResult = message.role === 'tool' && !isOfServer(message);
    const caller = isResult ? replyOfCall.get(message.toolCallId) : undefined;
    if (isResult) {
      caller?.results.set(message.toolCallId, message);
      continue;
    }
    const reply = placeOf(message.id)?.reply;
    const isSame = (draft: ReplyDraft | undefined) =>
      draft?.reply === reply && (reply !== undefined || draft?.results.size === 0);
    let draft = reply === undefined ? region.at(-1) : region.find(isSame);
    if (draft === undefined || !isSame(draft)) {
      if (isOfNextRun(region.at(-1), reply)) goOn();
      draft = { reply, messages: [], results: new Map() };
      region.push(draft);
      made.push(draft);
    }
    draft.messages.push(message);
    if (message.role !== 'assistant') continue;
    for (const { id } of message.toolCalls ?? []) replyOfCall.set(id, draft);
  }
  if (isAsked) goOn();
  return made.map((one, index) => ('role' in one ? one : replyOf(one, `m${index + 1}`, pending)));
}

/** Whether it is a reply without a result of a call that the next reply would be an answer to. */
function isUnanswered(one: ConversationMessage | ReplyDraft | undefined): boolean {
  if (one === undefined || 'role' in one) return false;
  return [...one.results.values()].every((result) => missing(result) !== undefined);
}

/** Whether a page has asked again between the two replies. */
function isOfNextRun(before: ReplyDraft | undefined, reply: string | undefined): boolean {
  if (before?.reply === undefined || reply === undefined) return false;
  return runOf(before.reply) !== runOf(reply);
}

function isOfReply(message: AgUiMessage): message is ReplyMessage {
  return message.role === 'assistant' || message.role === 'reasoning' || message.role === 'tool';
}

/** Thinking with the id that it had, which says where it belongs. */
function withOwnId(message: AgUiMessage): AgUiMessage {
  if (message.role !== 'reasoning') return message;
  return { ...message, id: openThought(message).id ?? message.id };
}

/** Whether it is the result of a call that the API runs itself. */
function isOfServer(message: ToolMessage): boolean {
  return isServerResult({ type: String(claudeFields(message)['type']) });
}

function userMessage(
  { content }: AgUiMessage & { role: 'user' },
  key: string,
): ConversationMessage {
  const said = contentBlocks(content);
  const blocks = typeof said === 'string' ? [{ type: 'text', text: said }] : said;
  return { key, role: 'user', text: '', blocks: keyedBlocks(key, blocks) } as never;
}

/** Whether a result says that there is none, and how that came. */
function missing(result: ToolMessage | undefined): unknown {
  return result && claudeFields(result)['result'];
}

function replyOf(
  { messages, results }: ReplyDraft,
  key: string,
  pending: ReadonlySet<string> | undefined,
): AssistantMessage {
  const { blocks } = readReply(messages, results);
  const prefix = messages
    .map((message) => (message.role === 'reasoning' ? openThought(message).prefix : undefined))
    .find((given) => given !== undefined);
  const isCut = [...results.values()].some((result) => missing(result) === 'cut');
  const keyed = keyedBlocks(key, blocks).map((one) => withToolResult(one, results, pending));
  return {
    key,
    role: 'assistant',
    status: isCut ? 'stopped' : 'complete',
    text: '',
    blocks: keyed as never,
    ...(prefix !== undefined && { prefix }),
  };
}

/** The blocks at the beginning of a reply, which have become these messages, and what stands for them. */
export function readBeginning(messages: readonly AgUiMessage[]): BlocksOfReply {
  return readReply(messages.filter(isOfReply), new Map());
}

interface BlocksOfReply {
  blocks: AnyBlock[];
  fingerprint: string;
}

/** The blocks of a reply; without thinking that is not as it was, or before which something is not. */
function readReply(
  messages: readonly ReplyMessage[],
  results: ReadonlyMap<string, ToolMessage>,
): BlocksOfReply {
  const blocks: AnyBlock[] = [];
  let fingerprint = '';
  for (const message of messages.toSorted((one, other) => positionOf(one) - positionOf(other))) {
    for (const { block, isWhole, wanted } of blocksOf(message, results)) {
      const isFirst = fingerprint === '';
      fingerprint = withBlock('assistant')(fingerprint, block);
      // A page that drops metadata may have dropped that of the messages before, too.
      const isSame =
        wanted === undefined ? isFirst || !placeOf(message.id) : wanted === fingerprint;
      if (isWhole && (isSame || !isThought(block))) blocks.push(block);
    }
  }
  return { blocks, fingerprint };
}

function positionOf({ id }: ReplyMessage): number {
  return placeOf(id)?.position ?? 0;
}

interface ReadBlock {
  block: AnyBlock;
  isWhole: boolean;
  /** What the blocks up to this one must come to. */
  wanted?: string | undefined;
}

function whole(block: AnyBlock): ReadBlock {
  return { block, isWhole: true };
}

function blocksOf(message: ReplyMessage, results: ReadonlyMap<string, ToolMessage>): ReadBlock[] {
  if (message.role === 'tool') return [whole(resultBlock(message))];
  if (message.role === 'reasoning') {
    const { block, blocks: wanted } = openThought(message);
    return block ? [{ block, isWhole: true, wanted }] : [];
  }
  const calls = (message.toolCalls ?? []).map((call) => {
    const { block, isReadable } = callBlock(withOwnMetadata(call, message));
    const result = results.get(call.id);
    const isWhole = isReadable || (result !== undefined && missing(result) === undefined);
    return { block, isWhole };
  });
  return [...textBlocks(message).map(whole), ...calls];
}

/**
 * A call with its metadata, which TanStack AI returns in that of the message. It drops the metadata of
 * results, so a call that the API ran has become one of a tool of the client's.
 */
function withOwnMetadata<T extends { id: string; metadata?: unknown }>(
  call: T,
  { metadata }: { metadata?: unknown },
): T {
  if (call.metadata !== undefined) return call;
  const kept = fields(fields(fields(metadata)['tanstack'])['toolCallMetadata'])[call.id];
  const { type: _, ...claude } = claudeFields({ metadata: kept });
  return { ...call, metadata: { claude } };
}

function withToolResult(
  keyed: KeyedBlock<AnyBlock>,
  results: ReadonlyMap<string, ToolMessage>,
  pending: ReadonlySet<string> | undefined,
): KeyedBlock<AnyBlock> {
  const id = String(keyed.block['id']);
  // TanStack AI sends a text about the answer as the result, too.
  if (pending?.has(id)) return withResult(keyed, pendingResult(id));
  const result = results.get(id);
  if (result === undefined || missing(result) !== undefined) return keyed;
  return withResult(keyed, resultBlock(result));
}
