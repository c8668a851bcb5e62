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
 * | status | meaning |
 * |---|---|
 * | `idle` | no request is running; the last reply, if there is one, is complete |
 * | `sending` | a request was sent, and no event of its reply has arrived |
 * | `streaming` | a reply is being written |
 * | `tool` | a reply is complete, and its tool calls are running or wait for approval |
 * | `stopped` | the last reply was stopped; it is kept up to there |
 * | `error` | the last reply has failed, with the error in `error`; it is kept up to there |
 */
export type ConversationStatus = 'idle' | 'sending' | 'streaming' | 'tool' | 'stopped' | 'error';

/** A content block that a message of the user may contain. */
export type UserBlock<E extends AnyStreamEvent = StreamEvent> = [E] extends [StreamEvent]
  ? ContentBlockParam
  : BetaContentBlockParam;

/** The state of a tool call. */
export interface ConversationCall {
  /**
   * `failed`: the result is an error for the model; `stopped`: there is no result; `pending`: the call waits
   * for `Conversation.answer`.
   */
  readonly status: 'running' | 'done' | 'failed' | 'stopped' | 'pending';
  /** The last progress of the tool. */
  readonly progress?: unknown;
  /** The result that is sent to the model. */
  readonly result?: ToolResultBlockParam;
  /** What a `pending` call waits for. */
  readonly awaits?: PendingReason;
  /** The interrupted subagent, if the call waits for its subagent. */
  readonly subagent?: InterruptedSubagent;
}

/** A block with a unique key, for the `track` of a template. */
export interface KeyedBlock<Block> {
  readonly key: string;
  readonly block: Block;
  /** The state of a tool call; absent before the call runs, and on all other blocks. */
  readonly call?: ConversationCall;
}

export interface UserMessage<E extends AnyStreamEvent = StreamEvent> {
  readonly key: string;
  readonly role: 'user';
  /** Its text blocks, joined. */
  readonly text: string;
  readonly blocks: readonly KeyedBlock<UserBlock<E>>[];
}

/** One reply. After a reply that calls tools, another reply follows, to their results. */
export interface AssistantMessage<E extends AnyStreamEvent = StreamEvent> {
  readonly key: string;
  readonly role: 'assistant';
  readonly status: 'streaming' | 'complete' | 'stopped' | 'error';
  /** Its text blocks, joined. */
  readonly text: string;
  readonly blocks: readonly KeyedBlock<ContentBlockOf<E>>[];
  /** This and the fields below are absent in a message of `params.messages`. */
  readonly model?: string;
  readonly stop_reason?: MessageOf<E>['stop_reason'];
  readonly stop_details?: MessageOf<E>['stop_details'];
  readonly usage?: UsageOf<E>;
  /**
   * A hash of everything before this reply, if the reply has thinking: its thinking is sent again only while
   * nothing before it has changed, since the API would refuse it.
   */
  readonly prefix?: string;
  /** How many of its blocks had arrived before it broke and was continued, if it was. */
  readonly seam?: number;
  /** The id of its container, if it ran in one: the request with the results of its calls uses it too. */
  readonly container?: string;
}

/** A content block of a system message: text, or a tool that is withdrawn or added again. */
export type SystemBlock =
  | TextBlockParam
  | BetaRequestToolAdditionBlock
  | BetaRequestToolRemovalBlock;

/** A system message in the middle of a conversation; most views do not show it. */
export interface SystemMessage {
  readonly key: string;
  readonly role: 'system';
  /** Its text blocks, joined. */
  readonly text: string;
  readonly blocks: readonly KeyedBlock<SystemBlock>[];
}

/** A message of the user, a reply of the model, or a system message. */
export type ConversationMessage<E extends AnyStreamEvent = StreamEvent> =
  | UserMessage<E>
  | SystemMessage
  | AssistantMessage<E>;

/**
 * The tokens of all replies of a conversation, also of replies that were removed or replaced, and of replies
 * that were stopped, as far as the API had reported them.
 */
export interface ConversationUsage {
  /** Tokens of requests that were neither read from the prompt cache nor written to it. */
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

/** The state of a conversation for a view. Parts that have not changed are the same objects as before. */
export interface ConversationState<E extends AnyStreamEvent = StreamEvent> {
  readonly status: ConversationStatus;
  /** The settled messages: the same array until another message settles. */
  readonly messages: readonly ConversationMessage<E>[];
  /**
   * The reply that is being written, or whose tools are running. It settles when the next reply begins
   * or the exchange ends. The calls of a settled reply change only while they are answered.
   */
  readonly live: AssistantMessage<E> | undefined;
  /** The calls that wait for `Conversation.answer`; usually none. */
  readonly pending: readonly PendingCall[];
  readonly usage: ConversationUsage;
  /** The cost of all replies, in the currency of `prices`; `undefined` without `prices`. */
  readonly cost: number | undefined;
  /**
   * With `tools`: the `outcome` of the last turn of the last exchange, such as `end_turn`, or `max_turns`
   * if the limit was reached first. `undefined` until that turn ends.
   */
  readonly outcome: TurnOutcome | undefined;
  /** The error of the last reply, while `status` is `error`. */
  readonly error: MessageStreamError | undefined;
}
