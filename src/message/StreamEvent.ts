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

/** A sign of life without content. The SDK drops these; liveness needs them. */
export interface PingEvent {
  type: 'ping';
}

/**
 * A seam: the reply broke here and is carried on. Blocks from `keep` on are withdrawn; what follows
 * continues after the first `keep` blocks.
 */
export interface ResumeEvent {
  type: 'resume';
  /** Which attempt begins here: 2 for the first continuation. */
  attempt: number;
  /** The number of content blocks, from the start, that still stand. */
  keep: number;
  /** What broke the attempt before. */
  error: MessageStreamError;
  /** The model that continues, where it is a different one. */
  model?: string;
  /** The usage so far, over all attempts. */
  usage?: object;
}

/** An event of a reply: the SDK's `RawMessageStreamEvent`, and two of ours. */
export type StreamEvent = RawMessageStreamEvent | PingEvent | ResumeEvent;

/**
 * An event of a reply to `client.beta` or of Claude Code: the SDK's `BetaRawMessageStreamEvent`, and
 * three of ours. A `notice` comes from Claude Code only.
 */
export type BetaStreamEvent = BetaRawMessageStreamEvent | PingEvent | ResumeEvent | NoticeEvent;

/** What operators take: events of either kind, the SDK's own and those of `runTools` among them. */
export type AnyStreamEvent =
  | StreamEvent
  | BetaStreamEvent
  | ToolEvent<StreamEvent>
  | ToolEvent<BetaStreamEvent>;

/**
 * `E` where it is stream events. Anything else is a type error that names the mistake: the source is
 * typed too loosely. Give it the type `Observable<StreamEvent>`.
 */
export type EventsOnly<E> = E &
  ([E] extends [AnyStreamEvent] ? unknown : SourceMustEmitStreamEvents);

/** What a compiler shows of a source that is not typed as stream events. */
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
 * How a turn ended: `continue` where another follows, else why it was the last: `interrupted` where calls
 * wait for answers, `stopped` by `stopWhen`, `max_turns`, the reply's own `stop_reason`, or `unknown` where
 * it gave no reason.
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

/** What a request takes as a message of its history, for events of type `E`. */
export type MessageParamOf<E extends AnyStreamEvent> = [MessageOf<E>] extends [Message]
  ? MessageParam
  : BetaMessageParam;

/** A call of a tool, as plain data. */
export interface PlainCall {
  /** The `id` of the `tool_use` block. */
  id: string;
  name: string;
  /** As the model wrote it. */
  input: unknown;
}

/** An event of a subagent: of a loop, or a reply, that runs in a tool. */
export interface SubagentEvent extends ToolCallRef {
  type: 'tool_progress';
  /**
   * The `id` of the call that runs the subagent. It is `tool_use_id`, unless the subagent was itself called by
   * a subagent.
   */
  parent_tool_use_id: string;
  /** The event. */
  progress: AnyStreamEvent;
}

/** What subagents have used with a model. */
export interface SubagentUsage {
  model: string;
  /** Counters of tokens, as those of a reply; of a reply that was cut, a lower bound. */
  usage: object;
}

/**
 * What a call waits for:
 *
 * | | |
 * |---|---|
 * | `approval` | it runs once it is approved |
 * | `result` | its tool has no `run`: the client gives its `result` |
 * | `subagent` | calls of its subagent wait: the client gives the `answers` to them |
 */
export type PendingReason = 'approval' | 'result' | 'subagent';

/** A subagent that waits for answers to its own calls, as plain JSON. */
export interface InterruptedSubagent {
  /** What its turns have added to its history so far. */
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

/** A reply is whole, and all its calls have their results, or wait for answers. */
export interface TurnEndEvent<E extends AnyStreamEvent = StreamEvent> {
  type: 'turn_end';
  /** The number of the turn, from 1. */
  turn: number;
  outcome: TurnOutcome;
  message: MessageOf<E>;
  /** Of this turn. */
  usage: UsageOf<E>;
  /** Of all turns so far, with that of subagents. */
  total: UsageOf<E>;
  /** What subagents have used since the turn before, also those that failed; absent where there were none. */
  subagents?: SubagentUsage[];
  /**
   * The calls that did not run, because the reply stopped for a reason that waits for no tools
   * (`end_turn`, `stop_sequence`, a new one, none). Where there are none, it is absent.
   */
  skipped?: PlainCall[];
  /**
   * The calls that wait for an answer, with the outcome `interrupted`: the option `answers` of `runTools`
   * goes on with them. Where there are none, it is absent.
   */
  pending?: PendingCall[];
  /**
   * What this turn adds to the history, in the form that the API takes: the reply, without calls
   * that have no result, and the results. After it comes the next turn, or the next user's message.
   * With the outcome `interrupted`, the pending calls are in it without a result: the answers come next.
   */
  appended: MessageParamOf<E>[];
}

/**
 * The calls that waited for answers have their results: the history up to the next request is complete,
 * unless calls are `pending` again.
 * `history.splice(start, history.length, ...messages)` brings a history of your own up to date.
 */
export interface ToolAnswersEvent<E extends AnyStreamEvent = StreamEvent> {
  type: 'tool_answers';
  /** The index behind the message with the calls. */
  start: number;
  /** The messages from `start` on, with the results. */
  messages: MessageParamOf<E>[];
  /**
   * The calls that wait for another answer: a subagent that has met the next call to defer, or a tool
   * that has lost its `run` meanwhile. The loop then ends here, without a request. Where there are none, it is absent.
   */
  pending?: PendingCall[];
  /** With `pending`: what subagents have used. Otherwise the next `turn_end` has it. */
  subagents?: SubagentUsage[];
}

/** What `runTools` emits besides the events of the replies. */
export type ToolEvent<E extends AnyStreamEvent = StreamEvent> =
  | ToolStartEvent
  | ToolProgressEvent
  | SubagentEvent
  | ToolResultEvent
  | ToolAnswersEvent<E>
  | TurnEndEvent<E>;
