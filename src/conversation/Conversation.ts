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
 * A chat with Claude whose history the API always takes: it asks, runs tools, remembers, and shows how
 * it stands.
 *
 * ```text
 * send('Hi')   --m--[--a--b--]--x--S|
 * state$       I s-m--[--a--b--]--x--(SI)     I: idle, s: sending; the others: streaming
 *
 * send('Hi')   --m--[--a--b--          stop()
 * state$       I s-m--[--a--b-X               X: stopped, and `a b` is kept
 * ```
 *
 * `send`, `regenerate` and `edit` give cold Observables, as Angular's HttpClient does: nothing happens
 * before they are subscribed, and unsubscribing stops. So what a second question does to the first
 * is yours to choose: `switchMap` stops the first, `concatMap` waits for it, `exhaustMap` leaves the
 * second out. Without any of them it is an error (code `request`), and the first goes on.
 *
 * - What was stopped or has failed is kept as far as it had arrived, in `state$` and for the model. It
 *   is sent back in a form that the API takes: a call that was cut is left out, one without a result
 *   is answered by an error that says so, thinking is whole and in its place or not there.
 * - Subscribing again says it again: in the place of what was not answered, so that `retry` does not
 *   double a question, else anew.
 * - With the option `tools` the calls of the model are run as by `runTools`, until it has answered.
 *   Its events come too: `tool_start`, `tool_progress`, `tool_result`, `turn_end`. A reply that was
 *   paused (`pause_turn`, `compaction`) goes on in any case.
 * - A call that `approve` defers, and one of a tool without `run`, is in `state.pending`, also after
 *   `toJSON` and `fromJSON`: `answer` goes on. Until then `send` is an error (code `request`); `regenerate`
 *   and `edit` take the reply back, with its calls; a `fork` has them too, and answers them for itself.
 * - Breakpoints for the prompt cache are placed (`cache`); what they bring is in `state.usage`.
 * - Error: a `MessageStreamError`; the state becomes `error`, and has it too.
 * - `stop()`: an error with code `aborted`, which is not retryable, and the state becomes `stopped`.
 *   Behind `toSse` and the like it reaches a remote reader as such.
 * - Complete: when the model is done.
 * - Unsubscribe: the request and the tools are aborted, and the state becomes `stopped`.
 *
 * Clocks and retries go where the requests are made: give a function in place of the client.
 *
 * @throws TypeError when `source` is neither a client nor a function, for tools in `params` beside
 * those in `options`, for a limit or cache that is not valid, and for `params.messages` that are not valid.
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
 * // Each turn is carried on when it breaks.
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
  /** The versions of the conversation, once they are asked for. */
  #log: ChangeLog<E> | undefined;
  /** Stops the turn that runs. */
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
   * What a view shows: the state now, then each that differs. It never errors or completes.
   *
   * What has not changed is the same object as before, and messages and blocks have keys: for
   * `OnPush`, `track` and `distinctUntilChanged`. `messages` has what is settled, `live` the reply that
   * is being written, so that a delta costs the same however long the conversation is. A state at each token is more than a screen can
   * show: put `auditTime(16)` behind for one a frame.
   */
  readonly state$: Observable<ConversationState<E>> = defer(() =>
    merge(this.#changes, of(undefined)).pipe(
      map(() => this.state),
      distinctUntilChanged(),
    ),
  );

  /** The state now. */
  get state(): ConversationState<E> {
    return this.#transcript.state;
  }

  /** All messages, the reply that is being written included: a new array each time while there is one. */
  get messages(): readonly ConversationMessage<E>[] {
    return this.#transcript.messages;
  }

  /**
   * Says something and gives the events of the answer. Results of calls that you have run yourself
   * are said too, as `tool_result` blocks.
   *
   * @throws TypeError for content that is empty, or none of the user's
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
   * Answers the calls that wait for it, `state.pending`, all at once: calls that are approved run, and the
   * model goes on. The conversation may have been saved and loaded meanwhile. A call that awaits its `subagent`
   * is answered with `answers` to the pending calls of that.
   *
   * Subscribing again, as `retry` does, runs no tool again: only what has no result yet is done.
   *
   * @throws TypeError without the option `tools`, for a malformed answer, two answers to one call, an
   * answer to a call that does not wait, a pending call without an answer, an approved call of a tool
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
      if (index < 0 || isDone) throw mistake('the calls to answer do not wait any more');
      // What came of a request that failed gives way to the next one.
      this.#transcript.truncate(index + 1);
      const open = new Set(pending.map(({ id }) => id));
      return given.filter(({ id }) => open.has(id));
    });
  }

  /**
   * Adds a message of the system to the history, for the next request: text, or `tool_removal` and
   * `tool_addition`, which withdraw a tool and add it again. The call of a withdrawn tool does not run, also
   * where it waits for an answer. `regenerate` and `edit` keep these messages, and so does a document.
   *
   * @throws TypeError for content that is empty, or not of the system; MessageStreamError with code
   * `request` before the first message of the user, and while a reply is being written
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
      throw mistake('the user begins: give the system prompt as `params.system`');
    }
    this.#transcript.say(blocks, 'system');
    this.#changes.next();
  }

  /**
   * Has the last message of the user answered anew; what had been answered is gone. To keep it,
   * `fork()` before.
   */
  regenerate(): Observable<ConversationEvent<E>> {
    return this.#exchange(() => {
      const last = this.messages.findLastIndex(({ role }) => role === 'user');
      if (last < 0) throw mistake('there is nothing to answer: no message of the user');
      this.#transcript.truncate(last + 1);
    });
  }

  /**
   * Says another thing in place of the user's message `messages[index]`, and has it answered; all that
   * was said after it is gone.
   *
   * @throws TypeError when there is no message of the user's, and as `send`
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
      if (now < 0) throw mistake('the message to edit is not there any more');
      this.#transcript.truncate(now);
      key = this.#transcript.say(blocks);
    });
  }

  /**
   * Stops the reply and the tools that run, if there are any: what had arrived is kept. The Observable
   * of the reply errors with code `aborted`.
   */
  stop(): void {
    this.#stop?.abort('Conversation.stop() was called');
  }

  /**
   * Another conversation in which the same was said, or the first `length` messages of it. A reply
   * that is being written is there as far as it has come.
   */
  fork(length?: number): Conversation<E> {
    const { messages, ...counted } = this.#transcript.kept;
    const other = this.#with({ ...counted, messages: messages.slice(0, length) });
    other.#requests = this.#requests.fork();
    return other;
  }

  /**
   * Counts the tokens of the next request, with `draft` as what is said next: by the API, through the
   * SDK's `messages.countTokens`.
   *
   * @throws TypeError when a function makes the requests and there is no option `client`, and for a
   * `draft` that is empty
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

  /** All that was said, as plain JSON: for a file, or `fromJSON`. */
  toJSON(): ConversationDocument {
    return toDocument(this.#transcript.kept);
  }

  /**
   * The conversation that `toJSON` has written down, parsed. What the requests have besides is not in
   * the document, so it is given as to the constructor.
   *
   * @throws TypeError with the path of what is wrong, for a document that was not written by `toJSON` or is corrupted
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

  /** The last version that `changesSince` has given, or that was loaded by `fromChanges`; else 0. */
  get version(): number {
    return this.#log?.version ?? 0;
  }

  /**
   * What has changed since a version of this conversation, as plain JSON for a log; `undefined` where
   * nothing has. A version is 0, `conversation.version`, or the `version` of changes that were given
   * before.
   * A reply that is being written is there as if it were stopped now, and is given again when it has
   * changed. Changes since 0 are the whole conversation: they can replace the log.
   *
   * The cost is that of the messages that have changed, and one comparison for each of the others.
   *
   * @throws TypeError for a version that the conversation has not had
   *
   * @example
   * ```ts
   * import type { Conversation, ConversationChanges } from 'claude-rx/conversation';
   *
   * declare const log: { append(changes: ConversationChanges): void };
   *
   * // Gives the version that is saved, for the next time.
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
   * The conversation that a log of changes leads to, each as `changesSince` has given it, in order. An
   * empty log is a conversation without messages; what was appended twice counts once. It goes on from
   * the last version, which is `version`.
   *
   * @throws TypeError with the path of what is wrong, also where an entry of the log is missing, or two
   * processes have written to it
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

  /** What is said again takes the place of what was not answered. */
  #takeBack(key: string): void {
    const { messages } = this;
    const { status } = this.state;
    const index = messages.findIndex((message) => message.key === key);
    const isLast = !messages.slice(index + 1).some(({ role }) => role === 'user');
    if (index >= 0 && isLast && status !== 'idle') this.#transcript.truncate(index);
  }

  /**
   * Asks, once `prepare` has written down what, or gives the answers to pending calls; the transcript is
   * told of all that comes.
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
        throw mistake('these tool results answer no call that waits for one');
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

  /** All turns until the model is done. What each of them is sent is in the transcript. */
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

  /** A turn that would be followed by the same request again is the last one. */
  #withOutcome(event: E | ToolEvent<E>): E | ToolEvent<E> {
    if (event.type !== 'turn_end' || event.outcome !== 'continue' || this.#hasNews()) return event;
    return { ...event, outcome: event.message.stop_reason ?? 'unknown' };
  }

  /** Whether the next request of this exchange has anything that the last one had not. */
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
      'Conversation: give the tools, server tools among them, in the option `tools`, not in `params`',
    );
  }
  checkOptions({ ...options, tools: options.tools ?? [] });
  requireNumbers('Conversation', { maxHistoryTokens, maxDocumentBlocks }, { above: 0 });
  requireOneOf('Conversation', 'cache', cache, ['5m', '1h', false]);
}

function overlapping(): MessageStreamError {
  return mistake(
    'a reply is still being written: wait for it (`concatMap`), stop it (`switchMap`, `stop()`), or ' +
      'leave this one out (`exhaustMap`)',
  );
}

function unanswered(pending: readonly PlainCall[]): MessageStreamError {
  const names = pending.map(({ id, name }) => `'${id}' (${name})`).join(', ');
  return mistake(
    `calls wait for answers: ${names}; give them with \`answer(...)\`, \`approved: false\` for a call that ` +
      'shall not run',
  );
}

function mistake(problem: string): MessageStreamError {
  return new MessageStreamError(`Conversation: ${problem}`, { code: 'request' });
}
