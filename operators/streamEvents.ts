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
 * them. Events are passed on as they are, and the complete message of what was streamed is dropped; of
 * what was not, events are made. So both kinds of stream, and mixed ones, give each block once. With
 * complete messages only, `textOnly()` gives whole blocks: put `smoothText()` behind it to have them
 * shown character by character.
 *
 * - One reply after the other: a turn has several, with tool calls between them. Operators that end
 *   with a message (`finalMessage`, `finalText`, `messageState`) end with the first; for the last one
 *   use `accumulateMessage()` or `accumulateText()` and RxJS's `last()`.
 * - Subagents speak at the same time as the main thread, so each has a `streamEvents` of its own: with
 *   `parent`, behind `groupBy`.
 * - Claude Code may take back what it said, after a refusal or a malformed call. `message_stop` comes
 *   when a reply stands: it waits for the answer to its calls, the next reply or the result. One that
 *   is taken back is withdrawn by a `resume`, which all accumulating operators honour, and has no
 *   `message_stop`. Text that `textOnly` has emitted stays emitted.
 * - Where it is not certain yet whether a reply stands, the next one is held until its first block has
 *   ended.
 * - A reply that broke off, and that Claude Code asks for anew, keeps what was complete; one that was
 *   interrupted keeps all, and has no `message_stop`.
 * - Made up where no event says it: `stop_reason` is `tool_use` where a call was answered, and at the
 *   end that of the turn's result; the usage is that of the complete messages, which is not final. For
 *   totals use `agentState()`.
 * - Error, complete: passed on.
 * - Unsubscribe: the source is unsubscribed.
 *
 * `claude-rx/testing` has something of the same name, which builds events for tests.
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
