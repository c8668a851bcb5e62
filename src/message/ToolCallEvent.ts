import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';

/** The tool call that an event of `runTools` is about. */
export interface ToolCallRef {
  /** The number of the turn, from 1; 0 for a call of an earlier loop, answered by the option `answers`. */
  turn: number;
  /** The `id` of the `tool_use` block. */
  tool_use_id: string;
  /** The name of the tool. */
  name: string;
}

/** A tool starts to run. */
export interface ToolStartEvent extends ToolCallRef {
  type: 'tool_start';
  /** The input that the tool gets: the output of its schema. */
  input: unknown;
}

/** A tool reports its progress. */
export interface ToolProgressEvent extends ToolCallRef {
  type: 'tool_progress';
  /** The value that the tool's Observable emitted. */
  progress: unknown;
  /** Only for events of a subagent: see `SubagentEvent`. */
  parent_tool_use_id?: undefined;
}

/**
 * How a call ended:
 *
 * | status | |
 * |---|---|
 * | `done` | the tool returned its result |
 * | `failed` | it threw, rejected, or returned a value that cannot be sent |
 * | `timeout` | it took too long |
 * | `invalid_input` | its input is not valid JSON, or does not match its schema; it has not run |
 * | `unknown_tool` | there is no such tool to run |
 * | `denied` | `approve`, or an answer, refused it; it has not run |
 * | `withdrawn` | a `resume` withdrew the call; it was aborted, and the model gets no result |
 */
export type ToolResultStatus =
  | 'done'
  | 'failed'
  | 'timeout'
  | 'invalid_input'
  | 'unknown_tool'
  | 'denied'
  | 'withdrawn';

/** A call has its result. Calls that did not run have no `tool_start` before. */
export interface ToolResultEvent extends ToolCallRef {
  type: 'tool_result';
  status: ToolResultStatus;
  /** The content that the model receives. */
  result: ToolResultBlockParam;
  /** The value that the tool returned, with the status `done`. */
  value?: unknown;
  /**
   * The error, for a log. It is not enumerable, so that a spread or JSON does not pass it on to readers.
   */
  readonly error?: unknown;
}
