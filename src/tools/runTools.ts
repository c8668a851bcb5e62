import type { MessageParam, ToolUnion } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  concat,
  concatMap,
  concatWith,
  defer,
  EMPTY,
  map,
  type MonoTypeOperatorFunction,
  type Observable,
  type ObservableInput,
  of,
  repeat,
  tap,
} from 'rxjs';
import { requireMessageStop } from '../../operators/requireMessageStop.ts';
import { SentHistory } from '../history/SentHistory.ts';
import { withoutThinking } from '../history/withoutThinking.ts';
import { missingStart } from '../message/missingStart.ts';
import type {
  AnyStreamEvent,
  BetaStreamEvent,
  MessageParamOf,
  StreamEvent,
  ToolAnswersEvent,
  ToolEvent,
  TurnEndEvent,
} from '../message/StreamEvent.ts';
import {
  type BetaMessagesClient,
  fromMessages,
  type MessagesClient,
  type MessagesParams,
} from '../sources/fromMessages.ts';
import { betweenTurns } from './betweenTurns.ts';
import { nextParams } from './nextParams.ts';
import { toolRunners } from './toolRunners.ts';
import { checkOptions, MAX_TURNS, type RunToolsOptions } from './RunToolsOptions.ts';
import { type Answered, runAnswers } from './runAnswers.ts';
import { runTurn } from './runTurn.ts';
import { stopDecisions } from './stopWhen.ts';
import { takeToolChanges } from './takeToolChanges.ts';
import { answeredCalls, withResults } from './answeredCalls.ts';
import { fixedTools, type TurnTools, turnTools } from './turnTools.ts';
import { TurnCalls } from './TurnCalls.ts';
import type { ToolUse } from './Tool.ts';
import { turnEnd } from './turnEnd.ts';

/** The parameters of the first request, without `tools`, which are an option of the loop. */
export type ToolParams<Params> = Omit<Params, 'tools' | 'stream'>;

/** The parameters of the request of a turn. */
export type TurnParams<Params> = Omit<Params, 'messages' | 'tools' | 'stream'> & {
  messages: MessageParam[];
  tools: ToolUnion[];
};

/** The second argument of a function that makes the requests. */
export interface TurnContext {
  /** The number of the turn, from 1. */
  turn: number;
}

/** Makes the request of a turn; called for each turn. */
export type TurnRequest<E extends AnyStreamEvent, Params> = (
  params: TurnParams<Params>,
  context: TurnContext,
) => ObservableInput<E>;

/**
 * Runs the agent loop as one Observable: sends the request, runs the tools that Claude calls, sends their
 * results, and repeats this until Claude has answered.
 *
 * ```text
 * request 1  --m-{--}-x-S|                     { }: a call, x: stop_reason 'tool_use'
 * tool                  --p--r|                p: progress, r: result
 * request 2                  --m-t-t-y-S|      y: stop_reason 'end_turn'
 *
 * result     --m-{--}-x-s-p--RE--m-t-t-y-(SE|)  s: tool_start, p: tool_progress,
 *                                               R: tool_result, E: turn_end
 * ```
 *
 * The result emits the events of all replies as they come, and the events of the tools in between. Calls of
 * a turn run at the same time; their results are sent in the order of the calls, all in one message.
 *
 * - `turn_end` closes each turn. `outcome` is `continue`, or the reason why this was the last turn:
 *   `end_turn`, `stop_sequence`, `max_tokens`, `model_context_window_exceeded`, `refusal`,
 *   `interrupted`, `stopped`, `max_turns`, or a newer stop reason. `appended` has the messages that the turn
 *   adds to the history, in a form that the API accepts: append them to continue later.
 * - A reply that pauses (`pause_turn`, `compaction`) is sent back unchanged. A `tool_choice` that forces a
 *   tool becomes `auto` after a tool was called, because the model could never answer otherwise. The
 *   container of a reply is kept.
 * - A call runs only when it is proven complete: at the end of a reply that waits for tools, or with
 *   `eager` as soon as another block has started after it. The end of its own block is no proof. A call
 *   that was cut, by `max_tokens`, a refusal, a fallback or a broken connection, does not run, and is left
 *   out of the history. After any other stop reason, `turn_end` lists the calls as `skipped`; for a gateway
 *   that sends such a stop reason when it waits for tools, use the option `stopReasons`.
 * - Invalid input, an unknown tool, a tool that throws or times out, and a call that is not approved are
 *   sent to the model as an error (`is_error`), and the loop goes on. The `tool_result` event has the
 *   `status` and the `error`.
 * - A tool that a `tool_removal` in the messages has withdrawn does not run: its call is answered as a call
 *   of an unknown tool, until a `tool_addition` adds the tool again.
 * - A call that `approve` defers, and a call of a tool without `run`, waits for an answer: when the other
 *   calls of the turn have their results, the turn ends with the outcome `interrupted` and the calls as
 *   `pending`. The option `answers` continues from that history, in another process too: approved calls
 *   run, `tool_answers` has the messages with all results, and the next request follows. If a subagent
 *   defers another call, `tool_answers` lists it as `pending`, and the loop completes.
 * - A function among the `tools` is called before each turn, and returns tools that may change. After a
 *   change of the definitions, earlier thinking is not sent again, since the API would refuse it.
 * - A tool that returns a loop, or the events of a reply, is a subagent. Its events are `tool_progress`
 *   events with `parent_tool_use_id`, which operators ignore. Its result is its last text, or an error if it
 *   does not finish; its usage counts in `total`. If its tool has `resume`, a call that the subagent defers
 *   makes the outer call `pending`, with the field `subagent`.
 * - A function instead of a client makes the request of each turn: put `messageTimeout` and
 *   `retryResumable` there. An eager call that a `resume` withdraws is aborted, with a `tool_result` of
 *   status `withdrawn`.
 * - Error: if a request fails, a `MessageStreamError` with the `partial` of that turn; running tools are
 *   aborted. The messages of earlier turns were in their `turn_end`.
 * - Complete: after the last `turn_end`, or after `tool_answers` with pending calls.
 * - Unsubscribe: the request is aborted, the signals of all calls abort, Observables of tools and
 *   approvals are unsubscribed, and no timer is left.
 *
 * Operators follow the loop to its end: `textOnly` emits the text of all turns, `finalMessage` the last
 * reply, `messageState` the current reply. Use `retryResumable` only inside the function. Each
 * `message_start` has the number of its turn as the field `turn`, so that every reader knows that more
 * follows: send a loop with `toSse`, and read it with `fromResponse`.
 *
 * @throws TypeError when `client` is neither a client nor a function, `params` has no messages or has
 * tools, two tools have the same name, an option is invalid, a pending call of `messages` has no answer, or
 * an answer belongs to no pending call.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { textOnly } from 'claude-rx';
 * import { defineTool, runTools } from 'claude-rx/tools';
 * import { z } from 'zod';
 *
 * const getTime = defineTool({
 *   name: 'get_time',
 *   description: 'The current time in a time zone',
 *   input: z.object({ timeZone: z.string().describe('Such as Europe/Paris') }),
 *   run: ({ timeZone }) => new Date().toLocaleTimeString('en', { timeZone }),
 * });
 *
 * runTools(
 *   new Anthropic(),
 *   {
 *     model: 'claude-opus-5-5',
 *     max_tokens: 1024,
 *     messages: [{ role: 'user', content: 'What time is it in Paris?' }],
 *   },
 *   { tools: [getTime], timeout: 10_000 },
 * )
 *   .pipe(textOnly())
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function runTools<Client extends MessagesClient | BetaMessagesClient>(
  client: Client,
  params: ToolParams<MessagesParams<Client>>,
  options: RunToolsOptions,
): Observable<
  Client extends MessagesClient
    ? StreamEvent | ToolEvent
    : BetaStreamEvent | ToolEvent<BetaStreamEvent>
>;
export function runTools<
  E extends AnyStreamEvent,
  Params extends { messages: readonly object[]; tools?: undefined },
>(
  request: TurnRequest<E, Params>,
  params: Params,
  options: RunToolsOptions,
): Observable<E | ToolEvent<E>>;
export function runTools<E extends AnyStreamEvent>(
  request: MessagesClient | TurnRequest<E, { messages: readonly object[] }>,
  params: { messages: readonly object[]; tools?: unknown },
  options: RunToolsOptions,
): Observable<E | ToolEvent<E>> {
  const ask = requestOf(request);
  if (!Array.isArray(params?.messages)) {
    throw new TypeError('runTools: `params` must have `messages`, a list as for messages.create');
  }
  if (params.tools !== undefined) {
    throw new TypeError(
      'runTools: `params` must not have `tools`: pass all tools, also server tools, in the option `tools`',
    );
  }
  checkOptions(options);
  const { maxTurns = MAX_TURNS, eager = false, stopReasons } = options;
  const toolsOf = turnTools(options.tools);
  const answered = answeredCalls(params.messages, options.answers, fixedTools(options.tools));

  return defer(() => {
    let next: { messages: readonly object[] } | undefined = params;
    let turn = 0;
    let total: object | undefined;
    /** The usage of subagents between two turns. */
    let between: Answered['subagents'] = [];
    const sent = new SentHistory(params.messages);
    const withdrawn = new Set<string>();
    takeToolChanges(params.messages, withdrawn);
    let known: TurnTools | undefined;
    let find: ReturnType<typeof toolRunners>;
    const runnerOf = (block: ToolUse) => find(block);
    /** Uses these tools, and returns whether the definitions have changed. */
    const use = (given: TurnTools): boolean => {
      const before = known;
      known = given;
      if (before === given) return false;
      find = toolRunners(given.tools, options.onUnknownTool, withdrawn);
      return (
        before !== undefined &&
        JSON.stringify(before.definitions) !== JSON.stringify(given.definitions)
      );
    };
    const tracing = options.tracing?.();
    const stops = stopDecisions<E>(options.stopWhen, options.prices);

    const runAnswered = ({ start, calls }: NonNullable<typeof answered>) => {
      const became: Answered = { results: [], pending: [], subagents: [] };
      const end = (): ToolAnswersEvent<E> => {
        const { results, pending, subagents } = became;
        const messages = withResults(params.messages.slice(start), results) as MessageParamOf<E>[];
        const event = { type: 'tool_answers', start, messages } as const;
        if (pending.length > 0) {
          next = undefined;
          return { ...event, pending, ...(subagents.length > 0 && { subagents }) };
        }
        between = subagents;
        const before = { ...params, messages: params.messages.slice(0, start) };
        next = nextParams(before, { appended: messages });
        return event;
      };
      return runAnswers(calls, runnerOf, options, became, tracing).pipe(
        concatWith(defer(() => of(end()))),
      ) as Observable<ToolEvent<E>>;
    };
    const answers$ = answered
      ? toolsOf(1).pipe(
          tap(use),
          concatMap(() => runAnswered(answered)),
        )
      : EMPTY;

    const turnOf = (given: TurnTools) => {
      const isChanged = use(given);
      const { messages } = next!;
      const turnParams = {
        ...next,
        messages: isChanged ? withoutThinking(messages) : messages,
        tools: given.definitions,
      } as TurnParams<{ messages: readonly object[] }>;
      const isEager = (block: ToolUse) => runnerOf(block).eager ?? eager;
      const calls = new TurnCalls<E>({ turn, isEager, stopReasons });
      const end = (): Observable<TurnEndEvent<E>> => {
        const { message } = calls;
        if (message === undefined) throw missingStart();
        const subagents = [...between, ...calls.subagents];
        between = [];
        const ending = { turn, maxTurns, message, calls, before: total, subagents, sent };
        const ended = turnEnd<E>(ending);
        return stops(ended.event).pipe(
          map((isStopped) => {
            const { event, after } = isStopped ? turnEnd<E>({ ...ending, isStopped }) : ended;
            sent.add(after);
            total = event.total;
            takeToolChanges(event.appended, withdrawn);
            next = event.outcome === 'continue' ? nextParams(turnParams, event) : undefined;
            return event;
          }),
        );
      };
      const asked$ = defer(() => ask(turnParams, { turn })).pipe(requireMessageStop<E>());
      const traced$ = tracing?.reply(asked$, { turn, params: turnParams }) ?? asked$;
      const reply$ = traced$.pipe(markTurn(turn));
      return runTurn(reply$, calls, runnerOf, options, tracing).pipe(concatWith(defer(end)));
    };
    const oneTurn = defer(() => toolsOf(++turn)).pipe(concatMap(turnOf));
    const pause = betweenTurns();
    const turns$ = oneTurn.pipe(repeat({ delay: () => (next ? pause() : EMPTY) }));
    const loop$ = concat(
      answers$,
      defer(() => (next ? turns$ : EMPTY)),
    );
    return tracing?.loop(loop$) ?? loop$;
  });
}

/** Adds the field `turn`, which tells readers that a `message_stop` is not the end: see `StreamEnd`. */
function markTurn<E extends AnyStreamEvent>(turn: number): MonoTypeOperatorFunction<E> {
  return map((event) => (event.type === 'message_start' ? { ...event, turn } : event));
}

function requestOf<E extends AnyStreamEvent, Params>(
  request: MessagesClient | TurnRequest<E, Params>,
): TurnRequest<E, Params> {
  if (typeof request === 'function') return request;
  if (typeof request?.messages?.create !== 'function') {
    throw new TypeError(
      'runTools: pass an SDK client, its `beta` property, or a function that makes the request of a turn',
    );
  }
  return (params) => fromMessages(request, params as never) as unknown as Observable<E>;
}
