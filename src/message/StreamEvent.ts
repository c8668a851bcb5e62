import type {
  BetaMessageParam,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  Message,
  MessageParam,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { MessageStreamError } from './MessageStreamError.ts';
import type { NoticeEvent } from './NoticeEvent.ts';
import type {
  ToolCallRef,
  ToolProgressEvent,
  ToolResultEvent,
  ToolStartEvent,
} from './ToolCallEvent.ts';

export type { NoticeEvent } from './NoticeEvent.ts';

/** A sign of life without content. The SDK drops pings, but timeouts need them. */
export interface PingEvent {
  type: 'ping';
}

/**
 * A seam: the reply broke here and another attempt continues it. Blocks from `keep` on are withdrawn;
 * the following events continue after the first `keep` blocks.
 */
export interface ResumeEvent {
  type: 'resume';
  /** The number of the attempt that begins here: 2 for the first continuation. */
  attempt: number;
  /** The number of content blocks, from the start, that are kept. */
  keep: number;
  /** The error of the previous attempt. */
  error: MessageStreamError;
  /** The model that continues, if it is another model. */
  model?: string;
  /** The usage of all attempts so far. */
  usage?: object;
}

/** An event of a reply: the SDK's `RawMessageStreamEvent`, `ping`, and the `resume` of this package. */
export type StreamEvent = RawMessageStreamEvent | PingEvent | ResumeEvent;

/**
 * An event of a reply to `client.beta` or of Claude Code: the SDK's `BetaRawMessageStreamEvent`, `ping`,
 * and the `resume` and `notice` of this package. Only Claude Code sends a `notice`.
 */
export type BetaStreamEvent = BetaRawMessageStreamEvent | PingEvent | ResumeEvent | NoticeEvent;

/** The events that operators accept: of both APIs, and of `runTools`. */
export type AnyStreamEvent =
  | StreamEvent
  | BetaStreamEvent
  | ToolEvent<StreamEvent>
  | ToolEvent<BetaStreamEvent>;

/**
 * `E` if it is stream events. Otherwise a type error that names the mistake: the source is typed too
 * loosely. Give it the type `Observable<StreamEvent>`.
 */
export type EventsOnly<E> = E &
  ([E] extends [AnyStreamEvent] ? unknown : SourceMustEmitStreamEvents);

/** The type that the compiler shows for a source that is not typed as stream events. */
export interface SourceMustEmitStreamEvents {
  'the source is typed too loosely: give it the type Observable<StreamEvent>': never;
}

/** The events of `E` whose `type` is `T`. */
export type EventOfType<E extends { type: string }, T extends string> = Extract<E, { type: T }>;

/** The message that events of type `E` build: `Message`, or `BetaMessage` for `client.beta`. */
export type MessageOf<E extends AnyStreamEvent> = [EventOfType<E, 'message_start'>] extends [never]
  ? Message
  : EventOfType<E, 'message_start'>['message'];

/** A message of any of these events. */
export type AnyMessage = MessageOf<AnyStreamEvent>;

/** A content block of the message that events of type `E` build. */
export type ContentBlockOf<E extends AnyStreamEvent> = MessageOf<E>['content'][number];

/** The usage of the message that events of type `E` build. */
export type UsageOf<E extends AnyStreamEvent> = MessageOf<E>['usage'];

/** The tool calls of the message that events of type `E` build. */
export type ToolUseOf<E extends AnyStreamEvent> = Extract<ContentBlockOf<E>, { type: 'tool_use' }>;

/** The citations in the text of the message that events of type `E` build. */
export type CitationOf<E extends AnyStreamEvent> = NonNullable<
  Extract<ContentBlockOf<E>, { type: 'text' }>['citations']
>[number];

/**
 * How a turn ended: `continue` if another turn follows, else why it was the last: `interrupted` if calls
 * wait for answers, `stopped` by `stopWhen`, `max_turns`, the reply's own `stop_reason`, or `unknown` if
 * the reply gave no reason.
 */
export type TurnOutcome =
  | 'continue'
  | 'interrupted'
  | 'stopped'
  | 'max_turns'
  | 'end_turn'
  | 'stop_sequence'
  | 'max_tokens'
  | 'model_context_window_exceeded'
  | 'refusal'
  | 'unknown'
  | (string & {});

/** A message in the history of a request, for events of type `E`. */
export type MessageParamOf<E extends AnyStreamEvent> = [MessageOf<E>] extends [Message]
  ? MessageParam
  : BetaMessageParam;

/** A tool call, as plain data. */
export interface PlainCall {
  /** The `id` of the `tool_use` block. */
  id: string;
  name: string;
  /** As the model wrote it. */
  input: unknown;
}

/** An event of a subagent: of a loop or a reply that runs inside a tool. */
export interface SubagentEvent extends ToolCallRef {
  type: 'tool_progress';
  /**
   * The `id` of the call that runs the subagent. It is the same as `tool_use_id`, unless another subagent
   * has called the subagent.
   */
  parent_tool_use_id: string;
  /** The event. */
  progress: AnyStreamEvent;
}

/** The usage of subagents with one model. */
export interface SubagentUsage {
  model: string;
  /** Token counters, like those of a reply; a lower bound if a reply was cut off. */
  usage: object;
}

/**
 * What a call waits for:
 *
 * | | |
 * |---|---|
 * | `approval` | it runs when it is approved |
 * | `result` | its tool has no `run`: the client sends its `result` |
 * | `subagent` | calls of its subagent wait: the client sends the `answers` to them |
 */
export type PendingReason = 'approval' | 'result' | 'subagent';

/** A subagent that waits for answers to its own calls, as plain JSON. */
export interface InterruptedSubagent {
  /** The messages that its turns have added to its history so far. */
  appended: MessageParam[];
  /** Its calls that wait for an answer. */
  pending: PendingCall[];
}

/** A call that waits for an answer. */
export interface PendingCall extends PlainCall {
  awaits: PendingReason;
  /** With `awaits: 'subagent'`. */
  subagent?: InterruptedSubagent;
}

/** A reply is complete, and each of its calls has a result or waits for an answer. */
export interface TurnEndEvent<E extends AnyStreamEvent = StreamEvent> {
  type: 'turn_end';
  /** The number of the turn, from 1. */
  turn: number;
  outcome: TurnOutcome;
  message: MessageOf<E>;
  /** The usage of this turn. */
  usage: UsageOf<E>;
  /** The usage of all turns so far, with that of subagents. */
  total: UsageOf<E>;
  /** The usage of subagents since the previous turn, also of failed ones; absent if there were none. */
  subagents?: SubagentUsage[];
  /**
   * The calls that did not run, because the reply stopped for a reason that does not wait for tools
   * (`end_turn`, `stop_sequence`, an unknown reason, or none). Absent if there are no such calls.
   */
  skipped?: PlainCall[];
  /**
   * The calls that wait for an answer, with the outcome `interrupted`: continue with the option `answers`
   * of `runTools`. Absent if there are no such calls.
   */
  pending?: PendingCall[];
  /**
   * The messages that this turn adds to the history, in the form that the API accepts: the reply, without
   * calls that have no result, and the results. The next turn or the next user message follows. With the
   * outcome `interrupted`, it includes the pending calls without a result: the answers must follow.
   */
  appended: MessageParamOf<E>[];
}

/**
 * The calls that waited for answers have their results. The history up to the next request is complete,
 * unless calls are `pending` again. Update your own history with
 * `history.splice(start, history.length, ...messages)`.
 */
export interface ToolAnswersEvent<E extends AnyStreamEvent = StreamEvent> {
  type: 'tool_answers';
  /** The index after the message with the calls. */
  start: number;
  /** The messages from `start` on, with the results. */
  messages: MessageParamOf<E>[];
  /**
   * The calls that wait for another answer: of a subagent with another deferred call, or of a tool that
   * has no `run` any more. The loop then ends here, without a request. Absent if there are no such calls.
   */
  pending?: PendingCall[];
  /** With `pending`: the usage of subagents. Otherwise the next `turn_end` has it. */
  subagents?: SubagentUsage[];
}

/** The events of `runTools` besides the events of the replies. */
export type ToolEvent<E extends AnyStreamEvent = StreamEvent> =
  | ToolStartEvent
  | ToolProgressEvent
  | SubagentEvent
  | ToolResultEvent
  | ToolAnswersEvent<E>
  | TurnEndEvent<E>;
