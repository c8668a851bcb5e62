import {
  catchError,
  concatWith,
  defer,
  distinctUntilChanged,
  map,
  of,
  type OperatorFunction,
  startWith,
} from 'rxjs';
import type { AnyAgentMessage } from '../src/agent/AgentMessage.ts';
import { initialAgentState, nextAgentState, type AgentState } from '../src/agent/AgentStatus.ts';
import { toMessageStreamError } from '../src/message/toMessageStreamError.ts';

export type { AgentDenial, AgentRetry, AgentState, AgentStatus } from '../src/agent/AgentStatus.ts';
export type { AgentNotice } from '../src/agent/agentNotice.ts';
export type { AgentTask } from '../src/agent/agentTasks.ts';

/**
 * Emits the state of a Claude Code session for a status line or a side panel: status, model, tools, cost,
 * usage per model, rate limits, denied calls, subagents and background tasks, notices, and retries. It
 * never errors.
 *
 * ```text
 * source  -i--q--a--a--r|       i: system/init, q: status requesting, a: assistant, r: result
 *         agentState()
 * result  sA--B--C-----D(E|)    s: starting, A: running, B: requesting, C: running, D: idle, E: ended
 * ```
 *
 * The first state, `starting`, is emitted synchronously on subscription, then one state for each message
 * that changes something. Fields that have not changed are the same objects as before.
 *
 * - `tasks` lists subagents and background commands. Pass the `callId` of a task as
 *   `streamEvents({ parent })` to get its replies. `notices` lists messages of Claude Code itself, such as
 *   `API Error: ...`. Each list keeps at most 50 entries that are over.
 * - Cost and usage are taken from the result of each turn, and are totals over all turns.
 * - Error: emitted as the last state, `error` or `aborted`; then the result completes.
 * - Complete: emitted as the last state, `ended`.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import { type AgentMessage, fromAgent, agentState } from 'claude-rx/agent';
 *
 * declare function query(params: { prompt: string }): AsyncIterable<AgentMessage>;
 *
 * fromAgent(() => query({ prompt: 'Tidy up the README.' }))
 *   .pipe(agentState())
 *   .subscribe(({ status, model, costUsd, rateLimits }) =>
 *     console.log(status, model, costUsd.toFixed(2), rateLimits['five_hour']?.utilization),
 *   );
 * ```
 */
export function agentState<M extends AnyAgentMessage>(): OperatorFunction<M, AgentState> {
  return (source) =>
    defer(() => {
      let state = initialAgentState;
      return source.pipe(
        map((message) => (state = nextAgentState(state, message))),
        startWith(state),
        concatWith(defer(() => of<AgentState>({ ...state, status: 'ended', retry: undefined }))),
        catchError((thrown: unknown) => {
          const error = toMessageStreamError(thrown);
          const status = error.code === 'aborted' ? 'aborted' : 'error';
          return of<AgentState>({ ...state, status, retry: undefined, error });
        }),
        distinctUntilChanged(),
      );
    });
}
