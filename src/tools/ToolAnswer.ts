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
 * | answer | effect |
 * |---|---|
 * | `{ id, approved: true }` | the tool runs now |
 * | `{ id, approved: false, reason }` | the tool does not run, and the model gets an error with the reason |
 * | `{ id, result }` | the tool ran elsewhere: `result` is the value that `run` would return |
 * | `{ id, error }` | the tool ran elsewhere and failed: an error, or a text for the model |
 * | `{ ...call, answers }` | for a call that awaits its `subagent`: the subagent continues with these answers to its pending calls |
 */
export type ToolAnswer =
  | { readonly id: string; readonly approved: true }
  | { readonly id: string; readonly approved: false; readonly reason?: string | undefined }
  | { readonly id: string; readonly result: unknown }
  | { readonly id: string; readonly error: unknown }
  | {
      readonly id: string;
      readonly answers: readonly ToolAnswer[];
      /** The `subagent` of the pending call. Not needed for `Conversation.answer`. */
      readonly subagent?: InterruptedSubagent | undefined;
    };

/** The values with which an interrupted subagent continues: see `resume` of `defineTool`. */
export interface ResumedSubagent {
  /** The messages that its turns have added to its history: pass them after its first messages. */
  readonly appended: MessageParam[];
  /** The answers to its pending calls, for the option `answers` of `runTools`. */
  readonly answers: readonly ToolAnswer[];
}
