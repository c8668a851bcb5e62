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

/** The parameters of a request, `stream` left out: GA ones, or those of `client.beta`. */
type ParamsOf<E extends AnyStreamEvent> = [E] extends [StreamEvent]
  ? Omit<MessageCreateParams, 'stream'>
  : Omit<BetaMessageCreateParams, 'stream'>;

/** Makes a request: `(params) => fromMessages(client, params).pipe(retryResumable(...))`. */
export type ConversationRequest<E extends AnyStreamEvent = StreamEvent> = (
  params: ParamsOf<E>,
  context: TurnContext,
) => ObservableInput<E>;

/** Who is asked: an SDK client, its `beta` property, or a function that makes the request. */
export type ConversationSource<E extends AnyStreamEvent = StreamEvent> =
  | ([E] extends [StreamEvent] ? MessagesClient : BetaMessagesClient)
  | ConversationRequest<E>;

/** What each request has, beside what was said; `messages` is what was said before, if anything. */
export type ConversationParams<E extends AnyStreamEvent = StreamEvent> = Omit<
  ParamsOf<E>,
  'messages'
> & { messages?: readonly MessageParamOf<E>[] };

/** What a user says. */
export type UserContent<E extends AnyStreamEvent = StreamEvent> = string | readonly UserBlock<E>[];

/** What a reply is made of, and what the tools do that it calls. */
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
 * With `tools`, calls are run as `runTools` runs them, and its options hold. Without, a reply that
 * calls a tool of `params.tools` ends the turn, and you `send` the results.
 */
export interface ConversationOptions extends Partial<Omit<RunToolsOptions, 'answers'>> {
  /** What tokens cost, or what they cost with a model: `state.cost` is in the same currency. */
  prices?: Prices | undefined;
  /**
   * Places breakpoints for the prompt cache, beside those of yours: at the end of the tools, of the
   * system prompt and of the last two turns of the user. With `'1h'` they last an hour. Default:
   * `'5m'`.
   */
  cache?: '5m' | '1h' | false | undefined;
  /**
   * About how many tokens of history a request has at most: the oldest exchanges are left out of it,
   * and stay in `messages`. A call and its result stay together, and the last exchange is always
   * sent, also what tools add to it. Thinking behind what is left out is left out as well, as the
   * API wants it. What is estimated is corrected by what the API has counted. Default: no limit.
   */
  maxHistoryTokens?: number | undefined;
  /**
   * How many messages and blocks `fromJSON` and `fromChanges` read. A larger document is a `TypeError`.
   * Default: 1,000,000.
   */
  maxDocumentBlocks?: number | undefined;
  /** Whether a client streams the replies; without, the same events come at once. Default: `true`. */
  stream?: boolean | undefined;
  /** Counts tokens for `countTokens`, where a function makes the requests. */
  client?: { messages: TokenCounter } | undefined;
}
