import type {
  AssistantMessage,
  ConversationMessage,
  KeyedBlock,
} from '../../conversation/ConversationState.ts';
import { keyedBlocks, withResult } from '../../conversation/ConversationDocument.ts';
import { isServerResult, isThought } from '../../history/blockKinds.ts';
import { type AnyBlock, withBlock } from '../../history/blocks.ts';
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

/** Consecutive messages of the user. */
interface UserDraft {
  role: 'user';
  blocks: AnyBlock[];
}

/** A reply, as the messages of a thread. */
interface ReplyDraft {
  /** The id of the reply; `undefined` for a reply that was not made by this package. */
  reply: string | undefined;
  messages: ReplyMessage[];
  results: Map<string, ToolMessage>;
}

export interface ConversationMessagesOptions {
  /**
   * Whether the thread is for a new reply. Then a last reply without an answer is followed by
   * "Continue.".
   */
  isAsked?: boolean | undefined;
  /** The ids of calls whose answers are not in the messages. */
  pending?: ReadonlySet<string> | undefined;
}

/**
 * Converts the messages of an AG-UI thread to those of a conversation: the messages of one reply are
 * one message again, with its original blocks, and each call has its result. System messages and
 * activities are left out.
 */
export function conversationMessages(
  messages: readonly AgUiMessage[],
  { isAsked = false, pending }: ConversationMessagesOptions = {},
): ConversationMessage[] {
  const made: (UserDraft | ReplyDraft)[] = [];
  const goOn = () => {
    if (isUnanswered(made.at(-1))) made.push({ role: 'user', blocks: [GO_ON] });
  };
  const replyOfCall = new Map<string, ReplyDraft>();
  /** Since the last message of the user: the last reply, and the replies by their id. */
  let last: ReplyDraft | undefined;
  const named = new Map<string, ReplyDraft>();
  for (const given of messages) {
    const message = withOwnId(given);
    if (message.role === 'user') {
      last = undefined;
      named.clear();
      const before = made.at(-1);
      // One message, as in the request: adding one turn after the other takes quadratic time.
      if (before !== undefined && 'role' in before) {
        for (const block of saidIn(message)) before.blocks.push(block);
      } else {
        made.push({ role: 'user', blocks: saidIn(message) });
      }
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
    let draft = reply === undefined ? last : named.get(reply);
    if (draft === undefined || !isSame(draft)) {
      if (isOfNextRun(last, reply)) goOn();
      draft = { reply, messages: [], results: new Map() };
      last = draft;
      if (reply !== undefined) named.set(reply, draft);
      made.push(draft);
    }
    draft.messages.push(message);
    if (message.role !== 'assistant') continue;
    for (const { id } of message.toolCalls ?? []) replyOfCall.set(id, draft);
  }
  if (isAsked) goOn();
  return made.map((one, index) => {
    const key = `m${index + 1}`;
    return 'role' in one ? userMessage(one, key) : replyOf(one, key, pending);
  });
}

/** Whether it is a reply that has no result of a call for the next reply to answer. */
function isUnanswered(one: UserDraft | ReplyDraft | undefined): boolean {
  if (one === undefined || 'role' in one) return false;
  return [...one.results.values()].every((result) => missing(result) !== undefined);
}

/** Whether a page sent another request between the two replies. */
function isOfNextRun(before: ReplyDraft | undefined, reply: string | undefined): boolean {
  if (before?.reply === undefined || reply === undefined) return false;
  return runOf(before.reply) !== runOf(reply);
}

function isOfReply(message: AgUiMessage): message is ReplyMessage {
  return message.role === 'assistant' || message.role === 'reasoning' || message.role === 'tool';
}

/** Thinking with its original id, which tells its position. */
function withOwnId(message: AgUiMessage): AgUiMessage {
  if (message.role !== 'reasoning') return message;
  return { ...message, id: openThought(message).id ?? message.id };
}

/** Whether it is the result of a call that the API ran. */
function isOfServer(message: ToolMessage): boolean {
  return isServerResult({ type: String(claudeFields(message)['type']) });
}

function saidIn({ content }: AgUiMessage & { role: 'user' }): AnyBlock[] {
  const said = contentBlocks(content);
  return typeof said === 'string' ? [{ type: 'text', text: said }] : said;
}

function userMessage({ blocks }: UserDraft, key: string): ConversationMessage {
  return { key, role: 'user', text: '', blocks: keyedBlocks(key, blocks) } as never;
}

/** Whether a message stands for a missing result, and why the result is missing. */
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

/** The blocks at the start of a reply that these messages were made from, with their fingerprint. */
export function readBeginning(messages: readonly AgUiMessage[]): BlocksOfReply {
  return readReply(messages.filter(isOfReply), new Map());
}

interface BlocksOfReply {
  blocks: AnyBlock[];
  fingerprint: string;
}

/** The blocks of a reply, without thinking that was changed or that has changed content before it. */
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
      // A page that drops metadata may have dropped the metadata of earlier messages too.
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
  /** The expected fingerprint of the blocks up to this block. */
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
 * A call with its metadata. TanStack AI returns a call's metadata in the metadata of the message. It
 * drops the metadata of results, so a call that the API ran becomes a call of a client-side tool.
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
  // TanStack AI also sends a text about the answer as the result.
  if (pending?.has(id)) return withResult(keyed, pendingResult(id));
  const result = results.get(id);
  if (result === undefined || missing(result) !== undefined) return keyed;
  return withResult(keyed, resultBlock(result));
}
