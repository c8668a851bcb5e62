import type { MessageParam } from '@anthropic-ai/sdk/resources/messages/messages';
import type { InterruptedSubagent } from '../message/StreamEvent.ts';

/**
 * The answer to a pending call, as plain JSON:
 *
 * ```text
 * turn1   maxS
 * click      --y                      { id, approved: true }, also in another process
 * tool         -(r|)
 * turn2         mtTeS
 *         runTools()
 * events  ---I-sR---(E|)              I: turn_end, interrupted; s: tool_start; R: tool_result; E: turn_end
 * text    --------T-|
 * ```
 *
 * | | |
 * |---|---|
 * | `{ id, approved: true }` | the tool runs now |
 * | `{ id, approved: false, reason }` | it does not run, and the model is told so |
 * | `{ id, result }` | it was run elsewhere: its result, as `run` would give it |
 * | `{ id, error }` | it was run elsewhere and failed: an error, or a text for the model |
 * | `{ ...call, answers }` | of a call that awaits its `subagent`: the answers to the pending calls of that, and the subagent goes on with them |
 */
export type ToolAnswer =
  | { readonly id: string; readonly approved: true }
  | { readonly id: string; readonly approved: false; readonly reason?: string | undefined }
  | { readonly id: string; readonly result: unknown }
  | { readonly id: string; readonly error: unknown }
  | {
      readonly id: string;
      readonly answers: readonly ToolAnswer[];
      /** That of the pending call. A `Conversation` knows it. */
      readonly subagent?: InterruptedSubagent | undefined;
    };

/** With what a subagent goes on that was interrupted: see `resume` of `defineTool`. */
export interface ResumedSubagent {
  /** What its turns have added to its history: it belongs behind the messages that it began with. */
  readonly appended: MessageParam[];
  /** The answers to its pending calls, for the option `answers` of `runTools`. */
  readonly answers: readonly ToolAnswer[];
}
