import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';

/** Which call of a tool an event of `runTools` is about. */
export interface ToolCallRef {
  /** The number of the turn, from 1; 0 for a call of an earlier loop that the option `answers` answers. */
  turn: number;
  /** The `id` of the `tool_use` block. */
  tool_use_id: string;
  /** The name of the tool. */
  name: string;
}

/** A tool begins to run. */
export interface ToolStartEvent extends ToolCallRef {
  type: 'tool_start';
  /** The input as the tool gets it, so after its schema. */
  input: unknown;
}

/** A tool says how far it is. */
export interface ToolProgressEvent extends ToolCallRef {
  type: 'tool_progress';
  /** What the tool's Observable emitted. */
  progress: unknown;
  /** Of an event of a subagent only: see `SubagentEvent`. */
  parent_tool_use_id?: undefined;
}

/**
 * How a call ended:
 *
 * | status | |
 * |---|---|
 * | `done` | the tool gave its result |
 * | `failed` | it threw, rejected, or gave what cannot be sent |
 * | `timeout` | it took too long |
 * | `invalid_input` | its input is no JSON, or not what its schema wants; it has not run |
 * | `unknown_tool` | there is no such tool to run |
 * | `denied` | `approve`, or an answer, refused it; it has not run |
 * | `withdrawn` | a `resume` took the call back; it was aborted, and the model is told nothing |
 */
export type ToolResultStatus =
  | 'done'
  | 'failed'
  | 'timeout'
  | 'invalid_input'
  | 'unknown_tool'
  | 'denied'
  | 'withdrawn';

/** A call has its result. Those that did not run have no `tool_start` before. */
export interface ToolResultEvent extends ToolCallRef {
  type: 'tool_result';
  status: ToolResultStatus;
  /** What the model is told. */
  result: ToolResultBlockParam;
  /** What the tool gave, where it was `done`. */
  value?: unknown;
  /**
   * What went wrong, for a log. It is not enumerable, so that neither a spread nor JSON carries it
   * to where it is not to be seen.
   */
  readonly error?: unknown;
}
