import { Observable, type OperatorFunction } from 'rxjs';
import type { ErrorTextOptions } from '../../message/errorEvent.ts';
import type { AnyStreamEvent } from '../../message/StreamEvent.ts';
import { BridgeSubscriber } from '../BridgeSubscriber.ts';
import type { AgUiEvent, AgUiRunRef } from './AgUiEvent.ts';
import { AgUiWriter } from './AgUiWriter.ts';

/** Options of `toAgUi`. */
export type ToAgUiConfig = ErrorTextOptions;

/**
 * Turns the events of a reply, or of a loop of `runTools`, into the events of an AG-UI run, for
 * CopilotKit, TanStack AI and other clients of that protocol.
 *
 * ```text
 * source  --m-[-a-----b-]-x-S---|       a, b: deltas of a text
 *         toAgUi(input)
 * result  R-s---(TC)--C-----(Ef)(F|)    R: RUN_STARTED   s, f: STEP_STARTED, STEP_FINISHED
 *                                       T, C, E: TEXT_MESSAGE_START, _CONTENT, _END
 *                                       F: RUN_FINISHED
 *
 * source  --m-[-a-----#
 *         toAgUi(input)
 * result  R-s---(TC)--(EfX|)            X: RUN_ERROR
 * ```
 *
 * | event | becomes |
 * |---|---|
 * | text | `TEXT_MESSAGE_START`, `_CONTENT`, `_END`; consecutive text blocks are one message |
 * | thinking | `REASONING_START`, `REASONING_MESSAGE_START`, `_CONTENT`, `_END`, the signature as `REASONING_ENCRYPTED_VALUE`, `REASONING_END` |
 * | a tool call | `TOOL_CALL_START`, `_ARGS`; `TOOL_CALL_END` when the call is proven complete |
 * | `tool_result`, and results of tools that the API runs | `TOOL_CALL_RESULT` |
 * | `tool_progress` | `CUSTOM` with the name `tool_progress` and the value `{ toolCallId, progress }` |
 * | redacted thinking, and blocks of types that AG-UI does not have | an empty reasoning message with an encrypted value |
 * | a call whose tool the page runs | at the end also `CUSTOM` with the name `tool-input-available`, by which TanStack AI runs it |
 * | a `resume` | `MESSAGES_SNAPSHOT` with the kept content; the text continues in the same message |
 * | pings, notices, unknown events | nothing |
 *
 * - `metadata.claude` of a message or call has the fields that AG-UI does not have, such as citations.
 *   `fromRunInput` reads them when the page sends its messages back.
 * - Complete: the last event is `RUN_FINISHED`, with the usage by model. `result.stopReason` says why the
 *   reply stopped. Calls whose tool the page runs are `pendingToolCallIds`. Deferred approvals are
 *   interrupts with the id of their call; the page resolves them with the payload
 *   `{ approved: boolean, reason? }`. Every other call has a result.
 * - Error: the last event is `RUN_ERROR` with the `code` of the `MessageStreamError` and a fixed sentence
 *   for the code; then the result completes. A source that completes in the middle of a reply ends in the
 *   same way, because AG-UI clients take a stream that just ends for complete. An error with the code
 *   `aborted` becomes `RUN_FINISHED` with the outcome `cancelled`.
 * - Unsubscribe: the source is unsubscribed, and nothing more is emitted. With `AG_UI_SSE`,
 *   `pipeToResponse` then sends a last event.
 * - Pass the whole input. Without its `messages`, a `resume` that withdraws content of the page ends the
 *   run with an error, the ids of calls are unique only within the run, and thinking is sent back
 *   unchecked.
 *
 * Protocol: https://docs.ag-ui.com, version 1.0.
 *
 * @throws TypeError when `threadId` or `runId` is not a string, `messages` is not a list, or `errorText`
 * is not a function.
 *
 * @example
 * ```ts
 * import { AbstractAgent, type RunAgentInput } from '@ag-ui/client';
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromRunInput, toAgUi } from 'claude-rx/ag-ui';
 * import { runTools } from 'claude-rx/tools';
 *
 * const client = new Anthropic();
 *
 * // An agent for CopilotKit's runtime, or for a program that uses the client of AG-UI directly.
 * class ClaudeAgent extends AbstractAgent {
 *   run(input: RunAgentInput) {
 *     const { messages, tools, answers } = fromRunInput(input);
 *     const params = { model: 'claude-opus-5-5', max_tokens: 1024, messages };
 *     return runTools(client, params, { tools, answers }).pipe(toAgUi(input));
 *   }
 * }
 * ```
 */
export function toAgUi<E extends AnyStreamEvent>(
  input: AgUiRunRef,
  { errorText }: ToAgUiConfig = {},
): OperatorFunction<E, AgUiEvent> {
  for (const name of ['threadId', 'runId'] as const) {
    if (typeof input?.[name] === 'string') continue;
    throw new TypeError(`toAgUi: \`${name}\` must be a string: pass the input of the run`);
  }
  for (const name of ['messages', 'tools', 'context', 'resume'] as const) {
    if (input[name] === undefined || Array.isArray(input[name])) continue;
    throw new TypeError(`toAgUi: \`${name}\` must be a list: pass the input of the run`);
  }
  if (errorText !== undefined && typeof errorText !== 'function') {
    throw new TypeError(`toAgUi: \`errorText\` must be a function, not ${typeof errorText}`);
  }
  return (source) =>
    new Observable((subscriber) =>
      source.subscribe(
        new BridgeSubscriber<E, AgUiEvent>(subscriber, (message) => {
          const writer = new AgUiWriter({
            run: input,
            emit: (event) => subscriber.next(event),
            message,
            errorText,
          });
          writer.start();
          return writer;
        }),
      ),
    );
}
