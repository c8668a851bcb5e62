import type { MessageParam, ToolUnion } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  concatMap,
  concatWith,
  connect,
  defer,
  EMPTY,
  filter,
  finalize,
  from,
  map,
  merge,
  mergeMap,
  type Observable,
  type ObservableInput,
  of,
  repeat,
  type SchedulerLike,
} from 'rxjs';
import { requireMessageStop } from '../../operators/requireMessageStop.ts';
import { addUsage } from '../message/addUsage.ts';
import { missingStart } from '../message/missingStart.ts';
import type {
  AnyStreamEvent,
  BetaStreamEvent,
  MessageOf,
  StreamEvent,
  UsageOf,
} from '../message/StreamEvent.ts';
import type { MessageParamOf, ToolEvent, TurnEndEvent, TurnOutcome } from '../message/ToolEvent.ts';
import {
  type BetaMessagesClient,
  fromMessages,
  type MessagesClient,
  type MessagesParams,
} from '../sources/fromMessages.ts';
import { type ApprovableCall, type Approval, previewCall, runCall } from './runCall.ts';
import { type AnyTool, isDefined, isRunnable, type ToolContext, type ToolUse } from './Tool.ts';
import { toolDefinitions } from './toolDefinitions.ts';
import { TurnCalls } from './TurnCalls.ts';
import { turnMessages } from './turnMessages.ts';

export interface RunToolsOptions<Tool extends AnyTool = AnyTool> {
  /** Tools of `defineTool`, runnable tools of the SDK, and plain definitions of server tools. */
  tools: readonly Tool[];
  /** How many requests there are at most. Default: `Infinity`, until the model is done. */
  maxTurns?: number | undefined;
  /** How many calls of a turn are at work at the same time. Default: `Infinity`. */
  concurrency?: number | undefined;
  /**
   * Starts a call as soon as it is proven complete, while the reply still streams. A reply that
   * then breaks and is carried on may make the call again: a tool that must not run twice is
   * `eager: false`. Default: `false`.
   */
  eager?: boolean | undefined;
  /** Asked before each call runs; the first value decides. Default: all calls run. */
  approve?:
    | ((call: ApprovableCall, context: ToolContext) => Approval | ObservableInput<Approval>)
    | undefined;
  /** How long a tool may run, in milliseconds. Default: `Infinity`. */
  timeout?: number | undefined;
  /**
   * Runs a call of a tool that there is not, as a tool would. Default: the model is told which tools
   * there are.
   */
  onUnknownTool?: ((call: ToolUse, context: ToolContext) => unknown) | undefined;
  /** Where timeouts are timed. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

/** The parameters of a request that `runTools` makes. */
export type TurnParams<Params> = Omit<Params, 'messages' | 'tools' | 'stream'> & {
  messages: MessageParam[];
  tools: ToolUnion[];
};

/** What a function that makes the requests is told besides their parameters. */
export interface TurnContext {
  /** The number of the turn, from 1. */
  turn: number;
}

/** The parameters of the first request; the tools are an option. */
export type ToolParams<Params> = Omit<Params, 'tools' | 'stream'>;

/** The reasons to stop for which a reply is sent back as it is, to go on. */
const PAUSED: ReadonlySet<unknown> = new Set(['pause_turn', 'compaction']);

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
  request: (params: TurnParams<Params>, context: TurnContext) => ObservableInput<E>,
  params: Params,
  options: RunToolsOptions,
): Observable<E | ToolEvent<E>>;
export function runTools<E extends AnyStreamEvent>(
  request:
    | MessagesClient
    | ((params: TurnParams<{ messages: object[] }>, context: TurnContext) => ObservableInput<E>),
  params: { messages: readonly object[]; tools?: unknown; tool_choice?: { type: string } },
  options: RunToolsOptions,
): Observable<E | ToolEvent<E>> {
  const { tools, maxTurns = Infinity, concurrency = Infinity, eager = false } = options;
  if (params.tools !== undefined) {
    throw new TypeError('runTools: give the tools, server tools among them, in the option `tools`');
  }
  const ask =
    typeof request === 'function'
      ? request
      : (turnParams: object) =>
          fromMessages(request, turnParams as never) as unknown as Observable<E>;
  const definitions = toolDefinitions(tools);
  const isEager = (name: string) => {
    const tool = tools.find((candidate) => isRunnable(candidate) && candidate.name === name);
    return (tool && isDefined(tool) ? tool.eager : undefined) ?? eager;
  };

  return defer(() => {
    let turn = 0;
    let total: object | undefined;
    let next: TurnParams<{ messages: object[] }> | undefined = {
      ...params,
      messages: [...params.messages] as MessageParam[],
      tools: definitions,
    };

    const runTurn = (turnParams: TurnParams<{ messages: object[] }>) => {
      turn++;
      const number = turn;
      const calls = new TurnCalls<E>(turn, isEager);
      const end = (): TurnEndEvent<E> => {
        const message = calls.message;
        if (message === undefined) throw missingStart();
        const { results } = calls;
        const { stop_reason } = message;
        const waits = stop_reason === 'tool_use' || PAUSED.has(stop_reason);
        const goesOn = waits && (results.length > 0 || PAUSED.has(stop_reason));
        const appended = turnMessages<E>(message, results, { goesOn });
        const continues = goesOn && appended.length > 0;
        const outcome: TurnOutcome = !continues
          ? (stop_reason ?? 'unknown')
          : number >= maxTurns
            ? 'max_turns'
            : 'continue';
        total = addUsage(total, message.usage);
        next =
          outcome === 'continue' ? nextParams(turnParams, appended, results.length > 0) : undefined;
        return {
          type: 'turn_end',
          turn: number,
          outcome,
          message: message as MessageOf<E>,
          usage: message.usage as UsageOf<E>,
          total: total as UsageOf<E>,
          results,
          appended,
        };
      };

      return from(ask(turnParams, { turn })).pipe(
        requireMessageStop<E>(),
        connect((reply) => {
          const steps = reply.pipe(
            map((event) => calls.push(event)),
            filter((made) => made.length > 0),
            concatMap((made) => made),
            connect((made) =>
              merge(
                made.pipe(
                  filter(({ type }) => type === 'begin'),
                  mergeMap(({ call }) => previewCall(call, options)),
                ),
                made.pipe(
                  filter(({ type }) => type === 'run'),
                  mergeMap(({ call }) => runCall(call, options), concurrency),
                ),
              ),
            ),
          );
          return merge(reply, steps as Observable<ToolEvent<E>>);
        }),
        concatWith(defer(() => of(end()))),
        finalize(() => calls.abandon()),
      );
    };

    return defer(() => runTurn(next!)).pipe(
      repeat({ delay: () => (next === undefined ? EMPTY : of(0)) }),
    );
  });
}

/** The request after a turn: with what the turn has added. */
function nextParams<Params extends { messages: MessageParam[]; tool_choice?: unknown }>(
  params: Params,
  appended: MessageParamOf<AnyStreamEvent>[],
  isAnswered: boolean,
): Params {
  const { tool_choice } = params as { tool_choice?: { type: string } };
  const isForced = tool_choice?.type === 'any' || tool_choice?.type === 'tool';
  const { name: _, ...choice } = (tool_choice ?? {}) as { name?: string };
  return {
    ...params,
    messages: [...params.messages, ...(appended as MessageParam[])],
    // Forced in each turn, the model could never answer.
    ...(isForced && isAnswered && { tool_choice: { ...choice, type: 'auto' } }),
  };
}
