import {
  catchError,
  defer,
  distinctUntilChanged,
  EMPTY,
  from,
  map,
  merge,
  of,
  Observable,
  repeat,
  Subject,
  takeWhile,
  tap,
  throwError,
} from 'rxjs';
import { requireNumbers, requireOneOf } from '../flow/require.ts';
import { takeUntilAborted } from '../../operators/takeUntilAborted.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyStreamEvent, PlainCall, StreamEvent, ToolEvent } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { betweenTurns } from '../tools/betweenTurns.ts';
import { runTools, type TurnContext } from '../tools/runTools.ts';
import { fixedTools } from '../tools/turnTools.ts';
import { checkOptions, MAX_TURNS } from '../tools/RunToolsOptions.ts';
import { matchAnswers, withSubagents } from '../tools/answeredCalls.ts';
import type { ToolAnswer } from '../tools/ToolAnswer.ts';
import { ChangeLog, type ConversationChanges, readChanges } from './ConversationChanges.ts';
import {
  type ConversationDocument,
  type Kept,
  readDocument,
  toDocument,
} from './ConversationDocument.ts';
import type {
  ConversationEvent,
  ConversationOptions,
  ConversationParams,
  ConversationSource,
  UserContent,
} from './ConversationOptions.ts';
import type { ConversationMessage, ConversationState, SystemBlock } from './ConversationState.ts';
import { isPaused, isSameTurns } from './history.ts';
import type { Turn } from '../history/blocks.ts';
import { messagesOf } from './messagesOf.ts';
import { RequestBuilder } from './RequestBuilder.ts';
import { Transcript } from './Transcript.ts';
import { userContent } from './userContent.ts';

/**
 * A chat with Claude: sends questions, runs tools, keeps the history in a form that the API accepts, and
 * emits its state for a view.
 *
 * ```text
 * send('Hi')   --m--[--a--b--]--x--S|
 * state$       I s-m--[--a--b--]--x--(SI)     I: idle, s: sending; all others: streaming
 *
 * send('Hi')   --m--[--a--b--          stop()
 * state$       I s-m--[--a--b-X               X: stopped, and `a b` is kept
 * ```
 *
 * `send`, `regenerate` and `edit` return cold Observables, like Angular's HttpClient: the request is sent
 * on subscription, and unsubscribing aborts it. An operator decides about a second question during a
 * reply: `switchMap` stops the reply, `concatMap` waits for it, `exhaustMap` ignores the question. Without
 * one of them the second `send` is an error (code `request`), and the reply goes on.
 *
 * - A reply that was stopped or failed is kept up to there, in `state$` and for the model. The next request
 *   contains it in a form that the API accepts: without a call that was cut, with an error as the result of
 *   a call that has none, and with thinking only if it is complete and nothing before it has changed.
 * - Subscribing again sends the message again. It replaces a question that was not answered, so that
 *   `retry` does not double it; a question that was answered is asked once more.
 * - With the option `tools`, calls run as in `runTools` until the model has answered, and the events
 *   `tool_start`, `tool_progress`, `tool_result` and `turn_end` are emitted too. A reply that was paused
 *   (`pause_turn`, `compaction`) continues with and without tools.
 * - A call that `approve` defers, and a call of a tool without `run`, is in `state.pending`, also after
 *   `toJSON` and `fromJSON`: `answer` continues. Until then `send` is an error (code `request`);
 *   `regenerate` and `edit` remove the reply and its calls; a `fork` has the same pending calls and answers
 *   them separately.
 * - Breakpoints for the prompt cache are placed (option `cache`); `state.usage` has the cached tokens.
 * - Error: a `MessageStreamError`; the state becomes `error` and contains the same error.
 * - `stop()`: an error with code `aborted`, which is not retryable, and the state becomes `stopped`. `toSse`
 *   and the other sinks send this error to remote readers.
 * - Complete: when the model is done.
 * - Unsubscribe: the request and the tools are aborted, and the state becomes `stopped`.
 *
 * For timeouts and retries, pass a function instead of the client: it makes each request.
 *
 * @throws TypeError when `source` is neither a client nor a function, when `params` and `options` both have
 * `tools`, for an invalid limit or `cache`, and for invalid `params.messages`.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { textOnly } from 'claude-rx';
 * import { Conversation } from 'claude-rx/conversation';
 * import { concatMap, from } from 'rxjs';
 *
 * const conversation = new Conversation(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   system: 'Be brief.',
 * });
 * conversation.state$.subscribe(({ status, messages, live }) => {
 *   console.log(status, (live ?? messages.at(-1))?.text);
 * });
 * from(['My name is Ada.', 'What is my name?'])
 *   .pipe(concatMap((question) => conversation.send(question).pipe(textOnly())))
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { continueFrom, fromMessages, messageTimeout, retryResumable } from 'claude-rx';
 * import { Conversation } from 'claude-rx/conversation';
 *
 * const client = new Anthropic();
 * const ask = (params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   fromMessages(client, params).pipe(messageTimeout({ liveness: 30_000, progress: 120_000 }));
 *
 * // Continues each turn that breaks.
 * const conversation = new Conversation(
 *   (params) =>
 *     ask(params).pipe(
 *       retryResumable({ resume: ({ partial }) => ask(continueFrom(params, partial)) }),
 *     ),
 *   { model: 'claude-opus-5-5', max_tokens: 1024 },
 *   { client },
 * );
 * ```
 */
export class Conversation<E extends AnyStreamEvent = StreamEvent> {
  readonly #source: ConversationSource<E>;
  readonly #params: ConversationParams<E>;
  readonly #options: ConversationOptions;
  #requests: RequestBuilder<E>;
  #transcript: Transcript<E>;
  readonly #changes = new Subject<void>();
  /** The versions of the conversation, created on the first use. */
  #log: ChangeLog<E> | undefined;
  /** Stops the running turn. */
  #stop: AbortController | undefined;
  /** The turns of the last request of the exchange. */
  #sent: readonly Turn[] = [];

  constructor(
    source: ConversationSource<E>,
    params: ConversationParams<E>,
    options: ConversationOptions = {},
  ) {
    requireSource(source);
    requireOptions(params, options);
    const { messages = [], ...rest } = params as {
      messages?: readonly { role: string; content: string | readonly object[] }[];
    };
    this.#source = source;
    this.#params = rest as ConversationParams<E>;
    this.#options = options;
    this.#requests = new RequestBuilder<E>(source, rest, options);
    this.#transcript = this.#transcribe({ messages: messagesOf<E>(messages) });
  }

  /**
   * The state for a view: emits the current state on subscription, then each change. It never errors or
   * completes.
   *
   * Parts that have not changed are the same objects as before, and messages and blocks have keys: for
   * `OnPush`, `track` and `distinctUntilChanged`. `messages` has the settled messages, `live` the reply that
   * is being written, so a delta costs the same in a long conversation as in a short one. To render at most
   * once per frame, add `auditFrame()`.
   */
  readonly state$: Observable<ConversationState<E>> = defer(() =>
    merge(this.#changes, of(undefined)).pipe(
      map(() => this.state),
      distinctUntilChanged(),
    ),
  );

  /** The current state. */
  get state(): ConversationState<E> {
    return this.#transcript.state;
  }

  /** All messages, with the reply that is being written: during a reply, a new array on each access. */
  get messages(): readonly ConversationMessage<E>[] {
    return this.#transcript.messages;
  }

  /**
   * Sends a message of the user, and emits the events of the reply. To send the results of calls that you
   * have run yourself, pass `tool_result` blocks.
   *
   * @throws TypeError for content that is empty, or that only the model may write
   */
  send(content: UserContent<E>): Observable<ConversationEvent<E>> {
    const blocks = userContent(content as string | readonly object[], 'Conversation.send');
    let key: string | undefined;
    return this.#exchange(() => {
      if (key !== undefined) this.#takeBack(key);
      if (this.state.pending.length > 0) throw unanswered(this.state.pending);
      key = this.#transcript.say(blocks);
    });
  }

  /**
   * Answers all pending calls (`state.pending`) at once: approved calls run, and the model continues. The
   * conversation may have been saved and loaded in between. For a call that awaits its `subagent`, pass
   * `answers` to the pending calls of the subagent.
   *
   * Subscribing again, as `retry` does, runs no tool again: only calls without a result run.
   *
   * @throws TypeError without the option `tools`, for a malformed answer, two answers to one call, an
   * answer to a call that is not pending, a pending call without an answer, an approved call of a tool
   * without `run`, and `answers` for the subagent of a tool without `resume`
   *
   * @example
   * ```ts
   * import type { Conversation } from 'claude-rx/conversation';
   *
   * const approveAll = (conversation: Conversation) =>
   *   conversation.answer(conversation.state.pending.map(({ id }) => ({ id, approved: true })));
   * ```
   */
  answer(answers: readonly ToolAnswer[]): Observable<ConversationEvent<E>> {
    const { tools } = this.#options;
    if (!tools) throw new TypeError('Conversation.answer: calls wait only with the option `tools`');
    const given = Array.isArray(answers) ? withSubagents(this.state.pending, answers) : answers;
    matchAnswers('Conversation.answer', this.state.pending, given, fixedTools(tools));
    const key = this.#transcript.lastReply?.key;
    let isFirst = true;
    return this.#exchange(() => {
      const { pending, status } = this.state;
      const index = this.messages.findIndex((message) => message.key === key);
      const isDone = pending.length === 0 && (isFirst || status === 'idle');
      isFirst = false;
      if (index < 0 || isDone) throw mistake('the calls to answer are no longer pending');
      // The reply of a request that failed is replaced by the next one.
      this.#transcript.truncate(index + 1);
      const open = pending.map(({ id }) => id);
      // Of calls with the same id, the first have their results first.
      const left = given.toReversed().filter(({ id }) => {
        const position = open.indexOf(id);
        if (position >= 0) open.splice(position, 1);
        return position >= 0;
      });
      return left.toReversed();
    });
  }

  /**
   * Adds a system message to the history, for the next request: text, or `tool_removal` and `tool_addition`
   * blocks, which withdraw a tool and add it again. A call of a withdrawn tool does not run, even if it waits
   * for an answer. `regenerate`, `edit` and saved documents keep system messages.
   *
   * @throws TypeError for content that is empty, or that a system message cannot have; MessageStreamError
   * with code `request` before the first message of the user, and while a reply is being written
   *
   * @example
   * ```ts
   * import type { Conversation } from 'claude-rx/conversation';
   *
   * const withdraw = (conversation: Conversation, name: string) =>
   *   conversation.addSystemMessage([
   *     { type: 'tool_removal', tool: { type: 'tool_reference', name } },
   *   ]);
   * ```
   */
  addSystemMessage(content: string | readonly SystemBlock[]): void {
    const blocks = userContent(content, 'Conversation.addSystemMessage');
    const wrong = blocks.find(({ type }) => !/^(text|tool_removal|tool_addition)$/.test(type));
    if (wrong) {
      throw new TypeError(
        `Conversation.addSystemMessage: a block must be text, tool_removal or tool_addition, not ${wrong.type}`,
      );
    }
    if (this.#stop)
      throw mistake('a system message cannot be added while a reply is being written');
    if (this.messages.length === 0) {
      throw mistake(
        'the first message must be of the user: give the system prompt as `params.system`',
      );
    }
    this.#transcript.say(blocks, 'system');
    this.#changes.next();
  }

  /**
   * Requests a new reply to the last message of the user. The old reply is removed; to keep it, call `fork()`
   * first.
   */
  regenerate(): Observable<ConversationEvent<E>> {
    return this.#exchange(() => {
      const last = this.messages.findLastIndex(({ role }) => role === 'user');
      if (last < 0) throw mistake('there is nothing to answer: no message of the user');
      this.#transcript.truncate(last + 1);
    });
  }

  /**
   * Replaces the user's message `messages[index]`, and requests a new reply. All messages after it are
   * removed.
   *
   * @throws TypeError when `messages[index]` is not a message of the user, and for content as in `send`
   */
  edit(index: number, content: UserContent<E>): Observable<ConversationEvent<E>> {
    const blocks = userContent(content as string | readonly object[], 'Conversation.edit');
    const message = this.messages[index];
    if (message?.role !== 'user') {
      throw new TypeError(`Conversation.edit: message ${index} is not a message of the user`);
    }
    let { key } = message;
    return this.#exchange(() => {
      const now = this.messages.findIndex((one) => one.key === key);
      if (now < 0) throw mistake('the message to edit was removed');
      this.#transcript.truncate(now);
      key = this.#transcript.say(blocks);
    });
  }

  /**
   * Stops the running reply and its tools, if there is one. The reply is kept up to there. The Observable of
   * the reply errors with code `aborted`.
   */
  stop(): void {
    this.#stop?.abort('Conversation.stop() was called');
  }

  /**
   * Copies the conversation, or its first `length` messages. A reply that is being written is copied up to
   * there.
   */
  fork(length?: number): Conversation<E> {
    const { messages, ...counted } = this.#transcript.kept;
    const other = this.#with({ ...counted, messages: messages.slice(0, length) });
    other.#requests = this.#requests.fork();
    return other;
  }

  /**
   * Counts the tokens of the next request, with `draft` as the next message of the user. The API counts them,
   * through the SDK's `messages.countTokens`.
   *
   * @throws TypeError when a function makes the requests and there is no option `client`, and for an empty
   * `draft`
   */
  countTokens(draft?: UserContent<E>): Observable<number> {
    const { counter } = this.#requests;
    if (counter === undefined) {
      throw new TypeError('Conversation.countTokens: give the SDK client as the option `client`');
    }
    const said = draft as string | readonly object[] | undefined;
    const blocks = said === undefined ? [] : userContent(said, 'Conversation.countTokens');
    return new Observable<number>((subscriber) => {
      const controller = new AbortController();
      const { signal } = controller;
      const params = this.#requests.countable(this.messages, blocks);
      from(counter.countTokens(params, { signal }))
        .pipe(
          map(({ input_tokens }) => input_tokens),
          catchError((error: unknown) => throwError(() => toMessageStreamError(error))),
        )
        .subscribe(subscriber);
      return () => controller.abort();
    });
  }

  /** The messages and the usage as plain JSON, for a file or a database. Load it with `fromJSON`. */
  toJSON(): ConversationDocument {
    return toDocument(this.#transcript.kept);
  }

  /**
   * Loads a conversation from the parsed JSON of `toJSON`. The document does not contain the client, the
   * parameters and the options: pass them as to the constructor.
   *
   * @throws TypeError with the path of the problem, for a document that is corrupted or not written by `toJSON`
   *
   * @example
   * ```ts
   * import Anthropic from '@anthropic-ai/sdk';
   * import { Conversation } from 'claude-rx/conversation';
   *
   * const params = { model: 'claude-opus-5-5', max_tokens: 1024 };
   * const load = (text: string) =>
   *   Conversation.fromJSON(JSON.parse(text), new Anthropic(), params);
   * const save = (conversation: Conversation) => JSON.stringify(conversation);
   * ```
   */
  static fromJSON<E extends AnyStreamEvent = StreamEvent>(
    document: unknown,
    source: ConversationSource<E>,
    params: ConversationParams<E>,
    options: ConversationOptions = {},
  ): Conversation<E> {
    return new Conversation<E>(source, params, options).#with(
      readDocument<E>(document, options.maxDocumentBlocks),
    );
  }

  /** The last version that `changesSince` has returned, or that `fromChanges` has loaded; else 0. */
  get version(): number {
    return this.#log?.version ?? 0;
  }

  /**
   * Returns the changes since a version of this conversation, as plain JSON for a log; `undefined` if nothing
   * has changed. `version` is 0, `conversation.version`, or the `version` of earlier changes.
   *
   * A reply that is being written has the status `stopped`, and is in the next changes too if it has changed.
   * The changes since 0 are the whole conversation: they can replace the log.
   *
   * The cost depends on the messages that have changed, plus one comparison for each other message.
   *
   * @throws TypeError for a version that the conversation has not had
   *
   * @example
   * ```ts
   * import type { Conversation, ConversationChanges } from 'claude-rx/conversation';
   *
   * declare const log: { append(changes: ConversationChanges): void };
   *
   * // Returns the version that was saved: pass it the next time.
   * function save(conversation: Conversation, version: number): number {
   *   const changes = conversation.changesSince(version);
   *   if (changes === undefined) return version;
   *   log.append(changes);
   *   return changes.version;
   * }
   * ```
   */
  changesSince(version: number): ConversationChanges | undefined {
    requireNumbers('Conversation.changesSince', { version }, { min: 0, whole: true });
    this.#log ??= new ChangeLog<E>();
    const { usage, cost } = this.state;
    return this.#log.changesSince(version, { messages: this.messages, usage, cost });
  }

  /**
   * Loads a conversation from a log: all changes that `changesSince` has returned, in order. An empty log is
   * a conversation without messages; an entry that was appended twice counts once. `version` is then the last
   * version of the log.
   *
   * @throws TypeError with the path of the problem, also if an entry of the log is missing, or two processes
   * have written to it
   *
   * @example
   * ```ts
   * import Anthropic from '@anthropic-ai/sdk';
   * import { Conversation } from 'claude-rx/conversation';
   *
   * const params = { model: 'claude-opus-5-5', max_tokens: 1024 };
   * const load = (lines: string[]) =>
   *   Conversation.fromChanges(lines.map((line) => JSON.parse(line)), new Anthropic(), params);
   * ```
   */
  static fromChanges<E extends AnyStreamEvent = StreamEvent>(
    changes: readonly unknown[],
    source: ConversationSource<E>,
    params: ConversationParams<E>,
    options: ConversationOptions = {},
  ): Conversation<E> {
    const { kept, version } = readChanges<E>(changes, options.maxDocumentBlocks);
    const conversation = new Conversation<E>(source, params, options).#with(kept);
    const { usage, cost } = conversation.state;
    const known = { messages: conversation.messages, usage, cost };
    conversation.#log = new ChangeLog<E>(known, version);
    return conversation;
  }

  #with(kept: Kept<E>): Conversation<E> {
    const other = new Conversation<E>(this.#source, this.#params, this.#options);
    other.#transcript = other.#transcribe(kept);
    return other;
  }

  #transcribe(kept: Partial<Kept<E>>): Transcript<E> {
    const { prices, tools, stopReasons } = this.#options;
    return new Transcript<E>(kept, { prices, hasTools: tools !== undefined, stopReasons });
  }

  /** Removes the message with this key if it was not answered: it is about to be sent again. */
  #takeBack(key: string): void {
    const { messages } = this;
    const { status } = this.state;
    const index = messages.findIndex((message) => message.key === key);
    const isLast = !messages.slice(index + 1).some(({ role }) => role === 'user');
    if (index >= 0 && isLast && status !== 'idle') this.#transcript.truncate(index);
  }

  /**
   * Runs one exchange. `prepare` adds the message to the transcript, or returns the answers to pending calls.
   * All events are added to the transcript.
   */
  #exchange(
    prepare: () => readonly ToolAnswer[] | undefined | void,
  ): Observable<ConversationEvent<E>> {
    return new Observable<ConversationEvent<E>>((subscriber) => {
      if (this.#stop) throw overlapping();
      const answers = prepare() ?? [];
      if (this.state.pending.length > 0) {
        this.#requests.goOn(this.messages);
      } else if (!this.#requests.begin(this.messages)) {
        this.#transcript.truncate(this.messages.length - 1);
        throw mistake('no call waits for these tool results');
      }
      const stop = new AbortController();
      this.#stop = stop;
      const end = (status: 'idle' | 'stopped' | 'error', error?: MessageStreamError) => {
        if (this.#stop !== stop) return;
        this.#stop = undefined;
        this.#sent = [];
        this.#transcript.end(status, error);
        this.#changes.next();
      };
      this.#transcript.begin();
      this.#changes.next();
      if (!subscriber.closed)
        defer(() => this.#turns(answers))
          .pipe(
            takeUntilAborted(stop.signal),
            tap({
              next: (event) => {
                this.#transcript.push(event as E);
                this.#changes.next();
              },
              complete: () => end('idle'),
            }),
            catchError((thrown: unknown) => {
              const error = toMessageStreamError(thrown);
              if (stop.signal.aborted) end('stopped');
              else end('error', error);
              throw error;
            }),
          )
          .subscribe(subscriber);
      return () => end('stopped');
    });
  }

  /** All turns until the model is done. Each turn sends the history of the transcript. */
  #turns(answers: readonly ToolAnswer[]): Observable<ConversationEvent<E>> {
    const { tools, maxTurns, ...options } = this.#options;
    if (tools) {
      return runTools<E, { messages: object[] }>(
        (params, context) => this.#reply(params, context),
        {
          ...this.#params,
          messages: this.#requests.history(this.messages, answers.length > 0).turns,
        },
        { ...options, tools, maxTurns, answers },
      ).pipe(
        map((event) => this.#withOutcome(event)),
        takeWhile((event) => event.type !== 'turn_end' || event.outcome === 'continue', true),
      );
    }
    let turn = 0;
    const goesOn = () => isPaused(this.#transcript.last) && this.#hasNews();
    const pause = betweenTurns();
    const tracing = options.tracing?.();
    const oneTurn = defer(() => {
      const asked$ = this.#reply(this.#params, { turn: ++turn });
      return tracing?.reply(asked$, { turn, params: this.#params }) ?? asked$;
    });
    const loop$ = oneTurn.pipe(
      repeat({ count: maxTurns ?? MAX_TURNS, delay: () => (goesOn() ? pause() : EMPTY) }),
    );
    return tracing?.loop(loop$) ?? loop$;
  }

  /** Makes a turn the last one if the next request would be the same again. */
  #withOutcome(event: E | ToolEvent<E>): E | ToolEvent<E> {
    if (event.type !== 'turn_end' || event.outcome !== 'continue' || this.#hasNews()) return event;
    return { ...event, outcome: event.message.stop_reason ?? 'unknown' };
  }

  /** Whether the next request of this exchange differs from the last one. */
  #hasNews(): boolean {
    return !isSameTurns(this.#requests.history(this.messages).turns, this.#sent);
  }

  #reply(params: { tools?: unknown }, context: TurnContext): Observable<E> {
    this.#requests.useTools(params.tools);
    const history = this.#requests.history(this.messages);
    this.#sent = history.turns;
    this.#transcript.expect(history.prefix);
    return this.#requests.reply(params, history, context);
  }
}

function requireSource(source: unknown): void {
  const { messages } = (source ?? {}) as { messages?: { create?: unknown } };
  if (typeof source === 'function' || typeof messages?.create === 'function') return;
  throw new TypeError(
    'Conversation: pass an SDK client, its `beta` property, or a function that makes a request',
  );
}

function requireOptions(
  { tools }: { tools?: unknown },
  { maxHistoryTokens, maxDocumentBlocks, cache = '5m', ...options }: ConversationOptions,
): void {
  if (tools !== undefined && options.tools !== undefined) {
    throw new TypeError(
      'Conversation: pass all tools, also server tools, in the option `tools`, and none in `params`',
    );
  }
  checkOptions({ ...options, tools: options.tools ?? [] });
  requireNumbers('Conversation', { maxHistoryTokens, maxDocumentBlocks }, { above: 0 });
  requireOneOf('Conversation', 'cache', cache, ['5m', '1h', false]);
}

function overlapping(): MessageStreamError {
  return mistake(
    'a reply is still being written: wait for it (`concatMap`), stop it (`switchMap`, `stop()`), or ' +
      'ignore this question (`exhaustMap`)',
  );
}

function unanswered(pending: readonly PlainCall[]): MessageStreamError {
  const names = pending.map(({ id, name }) => `'${id}' (${name})`).join(', ');
  return mistake(
    `calls wait for answers: ${names}; call \`answer(...)\` first, with \`approved: false\` for a call that ` +
      'should not run',
  );
}

function mistake(problem: string): MessageStreamError {
  return new MessageStreamError(`Conversation: ${problem}`, { code: 'request' });
}
