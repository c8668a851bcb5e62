import type { MessageCreateParamsBase as BetaMessageCreateParams } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { MessageCreateParamsBase as MessageCreateParams } from '@anthropic-ai/sdk/resources/messages/messages';
import type { ObservableInput } from 'rxjs';
import type {
  AnyStreamEvent,
  MessageParamOf,
  StreamEvent,
  ToolEvent,
} from '../message/StreamEvent.ts';
import type { Prices } from '../message/tokenCost.ts';
import type { BetaMessagesClient, MessagesClient } from '../sources/fromMessages.ts';
import type { TurnContext } from '../tools/runTools.ts';
import type { RunToolsOptions } from '../tools/RunToolsOptions.ts';
import type { UserBlock } from './ConversationState.ts';

/** The parameters of a request without `stream`: of `client` or of `client.beta`. */
type ParamsOf<E extends AnyStreamEvent> = [E] extends [StreamEvent]
  ? Omit<MessageCreateParams, 'stream'>
  : Omit<BetaMessageCreateParams, 'stream'>;

/** Makes a request: `(params) => fromMessages(client, params).pipe(retryResumable(...))`. */
export type ConversationRequest<E extends AnyStreamEvent = StreamEvent> = (
  params: ParamsOf<E>,
  context: TurnContext,
) => ObservableInput<E>;

/** The source of replies: an SDK client, its `beta` property, or a function that makes the request. */
export type ConversationSource<E extends AnyStreamEvent = StreamEvent> =
  | ([E] extends [StreamEvent] ? MessagesClient : BetaMessagesClient)
  | ConversationRequest<E>;

/** The parameters of each request. `messages` is an earlier history to start with. Default: none. */
export type ConversationParams<E extends AnyStreamEvent = StreamEvent> = Omit<
  ParamsOf<E>,
  'messages'
> & { messages?: readonly MessageParamOf<E>[] };

/** The content of a message of the user. */
export type UserContent<E extends AnyStreamEvent = StreamEvent> = string | readonly UserBlock<E>[];

/** The events of a conversation: those of the replies, and those of the tools. */
export type ConversationEvent<E extends AnyStreamEvent = StreamEvent> = E | ToolEvent<E>;

/** Counts tokens, as `client.messages` does. */
export interface TokenCounter {
  countTokens(
    // oxlint-disable-next-line typescript/no-explicit-any -- GA and beta parameters
    params: any,
    options?: { signal?: AbortSignal },
  ): PromiseLike<{ input_tokens: number }>;
}

/**
 * With `tools`, calls run as in `runTools`, and the options of `runTools` apply. Without, a reply that calls
 * a tool of `params.tools` ends the turn, and you `send` the results.
 */
export interface ConversationOptions extends Partial<Omit<RunToolsOptions, 'answers'>> {
  /**
   * The prices per million tokens, for all models or by model. `state.cost` is in the same currency.
   * Default: no cost.
   */
  prices?: Prices | undefined;
  /**
   * How long the prompt cache lasts. Breakpoints are placed, in addition to your own, at the end of the
   * tools, of the system prompt and of the last two user turns. `false` places none. Default: `'5m'`.
   */
  cache?: '5m' | '1h' | false | undefined;
  /**
   * The approximate limit of tokens of history in a request: the oldest exchanges are left out of the
   * request, and stay in `messages`. A call and its result stay together, and the last exchange is always
   * sent in full. Thinking after the exchanges that were left out is left out too, since the API would
   * refuse it. Tokens are estimated; the counts of the API correct the estimate. Default: no limit.
   */
  maxHistoryTokens?: number | undefined;
  /**
   * The limit of messages and blocks that `fromJSON` and `fromChanges` read. A larger document is a
   * `TypeError`. Default: 1,000,000.
   */
  maxDocumentBlocks?: number | undefined;
  /** Whether replies are streamed; with `false` the same events come all at once. Default: `true`. */
  stream?: boolean | undefined;
  /** The client for `countTokens`, if a function makes the requests. Default: the client of the requests. */
  client?: { messages: TokenCounter } | undefined;
}
