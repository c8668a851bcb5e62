import { defer, type Observable, tap } from 'rxjs';
import { requireMessageStop } from '../../operators/requireMessageStop.ts';
import { fingerprint } from '../history/fingerprint.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { isSameList } from '../message/same.ts';
import { wellFormed } from '../history/wellFormed.ts';
import { fromMessages, type MessagesClient } from '../sources/fromMessages.ts';
import type { TurnContext } from '../tools/runTools.ts';
import { toolDefinitions } from '../tools/toolDefinitions.ts';
import { fixedTools } from '../tools/turnTools.ts';
import type { AnyBlock } from '../history/blocks.ts';
import { keyedBlocks } from './ConversationDocument.ts';
import type {
  ConversationOptions,
  ConversationSource,
  TokenCounter,
} from './ConversationOptions.ts';
import type { ConversationMessage } from './ConversationState.ts';
import { type History, HistoryCache } from './history.ts';
import { HistoryBudget } from './HistoryBudget.ts';
import { MarkedTurns, placeBreakpoints } from './placeBreakpoints.ts';
import { promptTokens } from '../message/tokenCost.ts';

/** The parameters of `countTokens`: SDK src/resources/messages/messages.ts `MessageCountTokensParams`. */
const COUNTED = [
  'model',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'betas',
  'context_management',
  'mcp_servers',
  'speed',
] as const;

type Params = Record<string, unknown>;

/** Makes the requests of a conversation from its messages. */
export class RequestBuilder<E extends AnyStreamEvent> {
  readonly #source: ConversationSource<E>;
  readonly #options: ConversationOptions;
  readonly #params: Params;
  /** The `tools` of the requests. */
  #tools: unknown;
  /** The fingerprint of everything before the history: the system prompt and the tools. */
  #seed: string;
  /** All turns, also those that are left out. */
  #whole = new HistoryCache<E>();
  /** How many of the first turns are left out; constant during one exchange. */
  #skip = 0;
  #hasBegun = false;
  /** The turns of the requests. */
  #history: HistoryCache<E>;
  readonly #budget: HistoryBudget;
  readonly #marked = new MarkedTurns();
  /** The id of the container in which the API runs code: the API refuses a paused reply without it. */
  #container: string | undefined;

  constructor(source: ConversationSource<E>, params: Params, options: ConversationOptions) {
    this.#source = source;
    this.#options = options;
    const { tools, maxHistoryTokens } = options;
    this.#budget = new HistoryBudget(maxHistoryTokens);
    this.#params = params;
    this.#tools = tools ? toolDefinitions(fixedTools(tools)) : params['tools'];
    this.#seed = this.#fingerprint;
    this.#history = new HistoryCache<E>({ seed: this.#seed });
  }

  /** Makes the requests of a fork, which shares the converted messages. */
  fork(): RequestBuilder<E> {
    const other = new RequestBuilder<E>(this.#source, this.#params, this.#options);
    other.#tools = this.#tools;
    other.#seed = this.#seed;
    other.#skip = this.#skip;
    other.#hasBegun = this.#hasBegun;
    other.#whole = this.#whole.fork();
    other.#history = this.#history.fork();
    return other;
  }

  /** Sets the tools of the next request. Thinking is bound to them, so a change starts a new history. */
  useTools(tools: unknown): void {
    const before = this.#tools;
    this.#tools = tools;
    if (Array.isArray(tools) && Array.isArray(before) && isSameList(tools, before)) return;
    const seed = this.#fingerprint;
    if (seed === this.#seed) return;
    this.#seed = seed;
    this.#history = new HistoryCache<E>({ seed, skip: this.#skip });
  }

  get #fingerprint(): string {
    return fingerprint('', [this.#params['system'] ?? '', this.#tools ?? []]);
  }

  /** Continues an exchange whose last reply waits for answers to its calls. */
  goOn(messages: readonly ConversationMessage<E>[]): void {
    // The same turns stay left out, because the thinking of the reply is bound to the turns before it.
    if (!this.#hasBegun) this.begin(messages);
    const last = messages.findLast(({ role }) => role === 'assistant');
    this.#container = last?.role === 'assistant' ? last.container : undefined;
  }

  /** Shortens the history for the next exchange, and returns whether it ends with a user turn to answer. */
  begin(messages: readonly ConversationMessage<E>[]): boolean {
    const skip = this.#budget.excess(() => this.#whole.of(messages).turns);
    if (skip !== this.#skip) this.#history = new HistoryCache<E>({ seed: this.#seed, skip });
    this.#skip = skip;
    this.#container = undefined;
    this.#hasBegun = true;
    const { turns } = this.#history.of(messages);
    return turns.findLast(({ role }) => role !== 'system')?.role === 'user';
  }

  /** The turns of the next request and their prefix. With `keepsPending`, pending calls have no result yet. */
  history(messages: readonly ConversationMessage<E>[], keepsPending = false): History {
    if (!keepsPending) return this.#history.of(messages);
    const options = { seed: this.#seed, skip: this.#skip, keepsPending };
    return new HistoryCache<E>(options).of(messages);
  }

  /** Sends a request with `params` and the history. */
  reply(params: object, { turns }: History, context: TurnContext): Observable<E> {
    const { stream } = this.#options;
    const source = this.#source;
    const container = (params as Params)['container'] ?? this.#container;
    const request = this.#prepared({ ...params, ...(container && { container }), messages: turns });
    const events =
      typeof source === 'function'
        ? defer(() => source(request as never, context)).pipe(requireMessageStop<E>())
        : fromMessages(source as MessagesClient, request as never, { stream });
    const estimate = this.#budget.estimate(request, turns);
    return (events as Observable<E>).pipe(
      tap((event) => {
        if (event.type === 'message_delta') this.#container = event.delta?.container?.id;
        if (event.type !== 'message_start') return;
        this.#budget.learn(promptTokens(event.message.usage), estimate);
      }),
    );
  }

  /** The client for `countTokens`, if there is one. */
  get counter(): TokenCounter | undefined {
    const { client } = this.#options;
    const { messages } = (client ?? this.#source) as { messages?: Partial<TokenCounter> };
    return typeof messages?.countTokens === 'function' ? (messages as TokenCounter) : undefined;
  }

  /** The parameters of `countTokens` for the next request. */
  countable(messages: readonly ConversationMessage<E>[], draft: readonly AnyBlock[]): Params {
    const blocks = keyedBlocks('draft', draft);
    const message = { key: 'draft', role: 'user', text: '', blocks } as unknown;
    const said = draft.length > 0 ? [...messages, message as ConversationMessage<E>] : messages;
    const skip = this.#budget.excess(() => this.#whole.of(said).turns);
    const sent =
      skip === this.#skip ? this.#history : new HistoryCache<E>({ seed: this.#seed, skip });
    const params: Params = { ...this.#params, tools: this.#tools };
    const counted = COUNTED.filter((name) => params[name] !== undefined);
    return this.#prepared({
      ...Object.fromEntries(counted.map((name) => [name, params[name]])),
      messages: sent.of(said).turns,
    });
  }

  #prepared(params: Params): Params {
    const { cache = '5m' } = this.#options;
    const { messages, ...rest } = params;
    const request: Params = { ...(wellFormed(rest) ?? rest), messages };
    return cache === false ? request : placeBreakpoints(request, cache, this.#marked);
  }
}
