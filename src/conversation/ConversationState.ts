import type {
  BetaContentBlockParam,
  BetaRequestToolAdditionBlock,
  BetaRequestToolRemovalBlock,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  ContentBlockParam,
  TextBlockParam,
  ToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import type {
  AnyStreamEvent,
  ContentBlockOf,
  InterruptedSubagent,
  MessageOf,
  PendingCall,
  PendingReason,
  StreamEvent,
  TurnOutcome,
  UsageOf,
} from '../message/StreamEvent.ts';

/**
 * The status of a conversation.
 *
 * | status | |
 * |---|---|
 * | `idle` | nothing is asked; the last reply, if there is one, is whole |
 * | `sending` | a request is out, and nothing of its reply has come |
 * | `streaming` | a reply is being written |
 * | `tool` | a reply is whole, and tools that it has called are running, or wait for approval |
 * | `stopped` | the last reply was stopped; what had arrived is there |
 * | `error` | the last reply has failed; `error` says why, and what had arrived is there |
 */
export type ConversationStatus = 'idle' | 'sending' | 'streaming' | 'tool' | 'stopped' | 'error';

/** What a user may say: the blocks of a request. */
export type UserBlock<E extends AnyStreamEvent = StreamEvent> = [E] extends [StreamEvent]
  ? ContentBlockParam
  : BetaContentBlockParam;

/** How a tool call stands. */
export interface ConversationCall {
  /**
   * `failed`: the result is an error that the model is told; `stopped`: it has no result; `pending`: it waits
   * for `Conversation.answer`.
   */
  readonly status: 'running' | 'done' | 'failed' | 'stopped' | 'pending';
  /** What the tool has reported last, while it ran. */
  readonly progress?: unknown;
  /** What the model is told. */
  readonly result?: ToolResultBlockParam;
  /** Of a call that is `pending`: what it waits for. */
  readonly awaits?: PendingReason;
  /** Of one that waits for its subagent: that. */
  readonly subagent?: InterruptedSubagent;
}

/** A block with a key of its own, for the `track` of a template. */
export interface KeyedBlock<Block> {
  readonly key: string;
  readonly block: Block;
  /** What has become of a tool call; absent before it runs, and on all other blocks. */
  readonly call?: ConversationCall;
}

export interface UserMessage<E extends AnyStreamEvent = StreamEvent> {
  readonly key: string;
  readonly role: 'user';
  /** Its text blocks, joined. */
  readonly text: string;
  readonly blocks: readonly KeyedBlock<UserBlock<E>>[];
}

/** One reply. A reply that calls tools is followed by another that knows their results. */
export interface AssistantMessage<E extends AnyStreamEvent = StreamEvent> {
  readonly key: string;
  readonly role: 'assistant';
  readonly status: 'streaming' | 'complete' | 'stopped' | 'error';
  /** Its text blocks, joined. */
  readonly text: string;
  readonly blocks: readonly KeyedBlock<ContentBlockOf<E>>[];
  /** Absent in a message that was given with `params.messages`, as is all below. */
  readonly model?: string;
  readonly stop_reason?: MessageOf<E>['stop_reason'];
  readonly stop_details?: MessageOf<E>['stop_details'];
  readonly usage?: UsageOf<E>;
  /**
   * The fingerprint of all that it was an answer to, where it has thinking: that is sent back only where
   * nothing before it has changed since, as the API wants it.
   */
  readonly prefix?: string;
  /** How many of its blocks came before it broke and was carried on, if it was. */
  readonly seam?: number;
  /** The id of the container that it ran in, if it did: the answers to its calls go on there. */
  readonly container?: string;
}

/** What a message of the system may hold: text, and tools that are withdrawn or added again. */
export type SystemBlock =
  | TextBlockParam
  | BetaRequestToolAdditionBlock
  | BetaRequestToolRemovalBlock;

/** A message of the system in the middle of a conversation; a view mostly shows none. */
export interface SystemMessage {
  readonly key: string;
  readonly role: 'system';
  /** Its text blocks, joined. */
  readonly text: string;
  readonly blocks: readonly KeyedBlock<SystemBlock>[];
}

/** What was said: by the user, by the model in one reply, or by the system. */
export type ConversationMessage<E extends AnyStreamEvent = StreamEvent> =
  | UserMessage<E>
  | SystemMessage
  | AssistantMessage<E>;

/**
 * Tokens, over all replies of a conversation: also those that were stopped, of which only what had
 * been reported is known, and those that were asked for again.
 */
export interface ConversationUsage {
  /** Tokens of requests that were neither read from the prompt cache nor written to it. */
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

/** What a view shows of a conversation. What has not changed is the same object as before. */
export interface ConversationState<E extends AnyStreamEvent = StreamEvent> {
  readonly status: ConversationStatus;
  /** The messages that are settled: the same array until a message settles. */
  readonly messages: readonly ConversationMessage<E>[];
  /**
   * The reply that is being written, or whose tools are running. It settles when the next reply begins
   * or the exchange ends. The calls of a settled reply change only while they are answered.
   */
  readonly live: AssistantMessage<E> | undefined;
  /** The calls that wait for `Conversation.answer`; mostly none. */
  readonly pending: readonly PendingCall[];
  readonly usage: ConversationUsage;
  /** In the currency of `prices`; `undefined` without them. */
  readonly cost: number | undefined;
  /**
   * With `tools`: the `outcome` of the last turn of the last exchange, such as `end_turn`, or `max_turns`
   * where it would have gone on. `undefined` until that turn ends.
   */
  readonly outcome: TurnOutcome | undefined;
  /** Why the last reply has failed, while `status` is `error`. */
  readonly error: MessageStreamError | undefined;
}
