import {
  concatWith,
  defer,
  EMPTY,
  ignoreElements,
  Observable,
  type OperatorFunction,
  tap,
  throwError,
} from 'rxjs';
import type { AnyAgentMessage } from '../src/agent/AgentMessage.ts';
import { partialOf } from '../src/agent/AgentOptions.ts';
import { AgentReplies } from '../src/agent/AgentReplies.ts';
import { AgentTurns } from '../src/agent/AgentTurns.ts';
import type { BetaStreamEvent } from '../src/message/StreamEvent.ts';

export interface StreamEventsConfig {
  /**
   * The thread whose replies are emitted: for a subagent, the `id` of the tool call that started it (its
   * `parent_tool_use_id`). Default: `null`, the main thread.
   */
  parent?: string | null;
}

/**
 * Turns the messages of Claude Code into stream events, which all other operators take.
 *
 * ```text
 * source  -i-M-[-a-b-A-]-x-S-r|   with partial messages: M to S, events of the API's stream
 *         streamEvents()           A: the complete block; r: result
 * result  ---M-[-a-b---]-x---S|
 *
 * source  -i-A------r---|           with complete messages alone
 *         streamEvents()
 * result  ---(M[a])-(xS)|           made of A: one delta for each part; x: message_delta
 * ```
 *
 * Claude Code sends a complete message for each content block that has ended. With
 * `includePartialMessages` it sends the stream events of the API before that. This operator passes
 * stream events on, and creates events for blocks that were not streamed. So both kinds of input, also
 * mixed, give each block once, and the same text and tool calls. With complete messages only,
 * `textOnly()` emits whole blocks: put `smoothText()` behind it to show them character by character.
 *
 * - A turn has several replies, one after the other, with tool calls between them. Operators that
 *   complete after a message (`finalMessage`, `finalText`, `messageState`) complete after the first
 *   complete reply; for the last one, use `accumulateMessage()` or `accumulateText()` and RxJS's
 *   `last()`.
 * - A subagent writes at the same time as the main thread: use another `streamEvents`, with `parent`,
 *   behind `groupBy`.
 * - A reply that was cut off has neither `message_stop` nor `stop_reason`. A `resume` event withdraws
 *   its incomplete blocks (`keep` is the number of blocks that remain). The retry of Claude Code is
 *   another reply. An interrupted reply keeps all blocks, and has no `message_stop` either.
 * - When Claude Code withdraws a reply after a refusal, a `resume` event withdraws its blocks; all
 *   accumulating operators honour it. `message_stop` is emitted when the reply can no longer be
 *   withdrawn: after the results of its calls, a message of Claude Code to the model, the next reply, or
 *   the result. Text that `textOnly` has emitted stays emitted.
 * - While a reply can still be withdrawn, the next reply is held back until its first block has ended.
 * - If a complete message differs from the streamed block, the complete message wins: for example,
 *   `Edit` gets `replace_all: false`. A missing end of a text is added. Any other difference withdraws
 *   the block with a `resume` event and repeats it with a `content_block_start` that has
 *   `restated: true`, which `textOnly` and `thinkingOnly` ignore.
 * - Errors and other messages of Claude Code itself (`API Error: ...`) are `notice` events, not text.
 *   The message of an error may quote the request, so it is only in `agentState().notices`.
 * - Complete messages have no `stop_reason`, so it is set to `tool_use` if a call has a result, to
 *   `refusal` if Claude Code reports one, and at the end of a successful turn to that of the `result`.
 *   Their usage is not final: for totals, use `agentState()`.
 * - Error: passed on. Complete: passed on; but if the `result` of the last turn reports an error, the
 *   Observable errors with it, as `fromAgent` does.
 * - Unsubscribe: the source is unsubscribed.
 *
 * Source: output of CLI 2.1.332.
 *
 * @throws TypeError when `parent` is neither a string nor `null`.
 *
 * @example
 * ```ts
 * import { textOnly } from 'claude-rx';
 * import { type AgentMessage, fromAgent, streamEvents } from 'claude-rx/agent';
 * import { filter, groupBy, map, mergeMap } from 'rxjs';
 *
 * declare function query(params: { prompt: string }): AsyncIterable<AgentMessage>;
 *
 * // The text of each subagent, labelled with the call that started it.
 * fromAgent(() => query({ prompt: 'Review this project.' }))
 *   .pipe(
 *     groupBy(({ parent_tool_use_id: parent }) => parent ?? ''),
 *     filter(({ key }) => key !== ''),
 *     mergeMap((thread) =>
 *       thread.pipe(
 *         streamEvents({ parent: thread.key }),
 *         textOnly(),
 *         map((text) => `${thread.key}: ${text}`),
 *       ),
 *     ),
 *   )
 *   .subscribe((line) => console.log(line));
 * ```
 */
export function streamEvents<M extends AnyAgentMessage>({
  parent = null,
}: StreamEventsConfig = {}): OperatorFunction<M, BetaStreamEvent> {
  if (parent !== null && typeof parent !== 'string') {
    throw new TypeError(
      `streamEvents: parent must be the id of a tool call, or null for the main thread, not ${parent}`,
    );
  }
  return (source) =>
    new Observable((subscriber) => {
      const replies = new AgentReplies((event) => subscriber.next(event), parent);
      const turns = new AgentTurns();
      source
        .pipe(
          tap({
            next: (message) => {
              replies.push(message);
              turns.push(message);
            },
            error: () => replies.end(),
            complete: () => replies.end(),
          }),
          ignoreElements(),
          // Not at the `result`: a session may go on after a turn that failed.
          concatWith(defer(() => failureOf(turns, replies, parent))),
        )
        .subscribe(subscriber);
    });
}

function failureOf(
  { error }: AgentTurns,
  replies: AgentReplies,
  parent: string | null,
): Observable<never> {
  if (parent !== null || error === undefined) return EMPTY;
  return throwError(() => error.with({ partial: () => partialOf(replies) }));
}
