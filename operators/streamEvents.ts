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
   * Whose replies: the `id` of the tool call that started a subagent, its `parent_tool_use_id`.
   * Default: `null`, the main thread.
   */
  parent?: string | null;
}

/**
 * Turns the messages of Claude Code into the events of its replies, for all other operators.
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
 * Claude Code gives a complete message for each block that has ended, and the events of the API's
 * stream only where they are asked for (`includePartialMessages`), with the complete messages after
 * them. Events are passed on as they are; of a block that was not streamed, events are made. So both
 * kinds of stream, and mixed ones, give each block once, and the same text and tool calls. With complete
 * messages only, `textOnly()` gives whole blocks: put `smoothText()` behind it to show them character by
 * character.
 *
 * - One reply after the other: a turn has several, with tool calls between them. Operators that end
 *   with a message (`finalMessage`, `finalText`, `messageState`) end with the first that is whole; for
 *   the last one use `accumulateMessage()` or `accumulateText()` and RxJS's `last()`.
 * - A subagent writes at the same time as the main thread: it needs a `streamEvents` of its own, with
 *   `parent`, behind `groupBy`.
 * - A reply that was cut has no `message_stop` and no `stop_reason`. A `resume` event withdraws the
 *   blocks that were cut (`keep` is the number that stands); what Claude Code asks for anew is a reply
 *   of its own. An interrupted reply keeps all, and has no `message_stop` either.
 * - A reply that is taken back, after a refusal, is withdrawn by a `resume`, which all accumulating
 *   operators honour. `message_stop` comes when a reply stands: it waits for the answer to its calls,
 *   for what Claude Code tells the model, for the next reply or the result. Text that `textOnly` has
 *   emitted stays emitted.
 * - Where it is not certain yet whether a reply stands, the next one is held until its first block has
 *   ended.
 * - A complete message that differs from what was streamed takes its place: `Edit`, for example, gets
 *   `replace_all: false`. The missing end of a text is added; a block that differs otherwise is
 *   withdrawn by a `resume` and stated again, by a `content_block_start` with `restated: true`, which
 *   `textOnly` and `thinkingOnly` leave out.
 * - Errors and other words of Claude Code (`API Error: ...`) are `notice` events, not text. Their text
 *   may quote the request: it is in `agentState().notices`, not in the event.
 * - `stop_reason` of complete messages, which have none: `tool_use` where a call was answered, `refusal`
 *   where a line says so, and at the end of a good turn that of its result; their usage is not final.
 *   For totals use `agentState()`.
 * - Error: passed on. Complete: passed on; but where the last turn has ended with a `result` that reports
 *   an error, the result errors with it, as `fromAgent` does.
 * - Unsubscribe: the source is unsubscribed.
 *
 * Source: lines of CLI 2.1.332.
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
 * // What each subagent says, labelled with the call that started it.
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
          // Not when the result comes: a session may go on after a turn that failed.
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
