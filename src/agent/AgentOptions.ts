import {
  catchError,
  concatWith,
  defer,
  EMPTY,
  type MonoTypeOperatorFunction,
  takeUntil,
  takeWhile,
  tap,
  throwError,
} from 'rxjs';
import { AgentReplies } from './AgentReplies.ts';
import { AgentTurns } from './AgentTurns.ts';
import type { AnyAgentMessage } from './AgentMessage.ts';
import type { Valve } from '../flow/Valve.ts';
import { whenAborted } from '../flow/whenAborted.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';

export interface AgentOptions {
  /**
   * Aborts the agent from outside: the Observable errors with code `aborted` and the signal's reason
   * as `cause`. (To cancel without a notification, unsubscribe.)
   */
  signal?: AbortSignal | undefined;
  /** Pauses the source while the valve is closed: see `Valve`. Default: none. */
  valve?: Valve | undefined;
  /**
   * Whether the `partial` of an error holds the last reply of the main thread. With `false`, errors have
   * no `partial`, and memory does not grow with the reply. Default: `true`.
   */
  keepContent?: boolean | undefined;
  /**
   * Whether a `result` that reports an error is only emitted as a message, so that a session of several
   * turns can go on. Default: `false`: it ends the Observable with this error.
   */
  allowErrorResult?: boolean | undefined;
}

/** Makes every source of agent messages end in the same way. */
export function agentEndings<M extends AnyAgentMessage>({
  signal,
  keepContent = true,
  allowErrorResult = false,
}: AgentOptions): MonoTypeOperatorFunction<M> {
  return (source) =>
    defer(() => {
      const turns = new AgentTurns();
      const replies = keepContent ? new AgentReplies(() => {}) : undefined;
      const isOver = () => !allowErrorResult && turns.error !== undefined;
      const end = defer(() => {
        const failure = allowErrorResult && turns.error ? undefined : turns.failure;
        return failure ? throwError(() => failure) : EMPTY;
      });
      return source.pipe(
        tap((message) => {
          replies?.push(message);
          turns.push(message);
        }),
        takeWhile(() => !isOver(), true),
        signal ? takeUntil(whenAborted(signal)) : (same) => same,
        concatWith(end),
        catchError((error: unknown) =>
          throwError(() => toMessageStreamError(error, { partial: () => partialOf(replies) })),
        ),
      );
    });
}

/** The last reply of the main thread, as far as it has arrived. */
export function partialOf(replies: AgentReplies | undefined): MessageStreamError['partial'] {
  replies?.end();
  return replies?.partial as MessageStreamError['partial'];
}
