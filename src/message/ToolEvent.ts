import type { BetaMessageParam } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  Message,
  MessageParam,
  ToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyStreamEvent, MessageOf, StreamEvent, UsageOf } from './StreamEvent.ts';

/** Which call of a tool an event of `runTools` is about. */
export interface ToolCallRef {
  /** The number of the turn, from 1. */
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
 * | `denied` | `approve` said no; it has not run |
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

/**
 * How a turn ended: `continue` where another follows, else why it was the last: the reply's own
 * `stop_reason`, `max_turns`, or `unknown` where it gave no reason.
 */
export type TurnOutcome =
  | 'continue'
  | 'max_turns'
  | 'end_turn'
  | 'stop_sequence'
  | 'max_tokens'
  | 'model_context_window_exceeded'
  | 'refusal'
  | 'unknown'
  | (string & {});

/** What a request takes as a message of its history, for events of type `E`. */
export type MessageParamOf<E extends AnyStreamEvent> = [MessageOf<E>] extends [Message]
  ? MessageParam
  : BetaMessageParam;

/** A reply is whole, and all its calls have their results. */
export interface TurnEndEvent<E extends AnyStreamEvent = StreamEvent> {
  type: 'turn_end';
  /** The number of the turn, from 1. */
  turn: number;
  outcome: TurnOutcome;
  message: MessageOf<E>;
  /** Of this turn. */
  usage: UsageOf<E>;
  /** Of all turns so far. */
  total: UsageOf<E>;
  /**
   * What this turn adds to the history, in the form that the API takes: the reply, without calls
   * that have no result, and the results. After it comes the next turn, or the next user's message.
   */
  appended: MessageParamOf<E>[];
}

/** What `runTools` emits besides the events of the replies. */
export type ToolEvent<E extends AnyStreamEvent = StreamEvent> =
  | ToolStartEvent
  | ToolProgressEvent
  | ToolResultEvent
  | TurnEndEvent<E>;
