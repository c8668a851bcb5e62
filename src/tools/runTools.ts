import type { MessageParam, ToolUnion } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  asapScheduler,
  concatWith,
  defer,
  EMPTY,
  from,
  type Observable,
  type ObservableInput,
  of,
  repeat,
  scheduled,
} from 'rxjs';
import { requireMessageStop } from '../../operators/requireMessageStop.ts';
import { missingStart } from '../message/missingStart.ts';
import type { AnyStreamEvent, BetaStreamEvent, StreamEvent } from '../message/StreamEvent.ts';
import type { ToolEvent, TurnEndEvent } from '../message/ToolEvent.ts';
import {
  type BetaMessagesClient,
  fromMessages,
  type MessagesClient,
  type MessagesParams,
} from '../sources/fromMessages.ts';
import { nextParams } from './nextParams.ts';
import { runnersOf } from './Runner.ts';
import { checkOptions, type RunToolsOptions } from './RunToolsOptions.ts';
import { runTurn } from './runTurn.ts';
import { toolDefinitions } from './toolDefinitions.ts';
import { TurnCalls } from './TurnCalls.ts';
import { turnEnd } from './turnEnd.ts';

/** The parameters of the first request. The tools are an option, and those of the loop. */
export type ToolParams<Params> = Omit<Params, 'tools' | 'stream'>;

/** The parameters of the request of a turn. */
export type TurnParams<Params> = Omit<Params, 'messages' | 'tools' | 'stream'> & {
  messages: MessageParam[];
  tools: ToolUnion[];
};

/** What a function that makes the requests is told besides their parameters. */
export interface TurnContext {
  /** The number of the turn, from 1. */
  turn: number;
}

/** Makes the request of a turn; called for each. */
export type TurnRequest<E extends AnyStreamEvent, Params> = (
  params: TurnParams<Params>,
  context: TurnContext,
) => ObservableInput<E>;

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
    throw new TypeError('runTools: `params` must have `messages`, as those of messages.create do');
  }
  if (params.tools !== undefined) {
    throw new TypeError('runTools: give the tools, server tools among them, as option `tools`');
  }
  checkOptions(options);
  const { maxTurns, eager = false } = options;
  const runnerOf = runnersOf(options.tools, options.onUnknownTool);
  const first = { ...params, tools: toolDefinitions(options.tools) };

  return defer(() => {
    let next: object | undefined = first;
    let turn = 0;
    let total: object | undefined;

    const oneTurn = defer(() => {
      const turnParams = next as TurnParams<{ messages: readonly object[] }>;
      turn++;
      const calls = new TurnCalls<E>(turn, (block) => runnerOf(block).eager ?? eager);
      const end = (): TurnEndEvent<E> => {
        const { message, results } = calls;
        if (message === undefined) throw missingStart();
        const event = turnEnd<E>(turn, message, results, { maxTurns, before: total });
        total = event.total;
        next = event.outcome === 'continue' ? nextParams(turnParams, event) : undefined;
        return event;
      };
      const reply$ = from(ask(turnParams, { turn })).pipe(requireMessageStop<E>());
      return runTurn(reply$, calls, runnerOf, options).pipe(concatWith(defer(() => of(end()))));
    });
    // Not at once: were all of it synchronous, the stack would grow with each turn.
    return oneTurn.pipe(repeat({ delay: () => (next ? scheduled([next], asapScheduler) : EMPTY) }));
  });
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
