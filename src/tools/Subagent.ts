import type { MessageParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { concatWith, defer, type MonoTypeOperatorFunction, of, tap } from 'rxjs';
import { callsAt } from '../history/stopReasons.ts';
import { addUsage } from '../message/addUsage.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import { messageText } from '../message/messageText.ts';
import { truncation } from '../message/toMessageStreamError.ts';
import { fields, isRecord } from '../message/record.ts';
import type {
  AnyMessage,
  AnyStreamEvent,
  InterruptedSubagent,
  PendingCall,
  SubagentUsage,
} from '../message/StreamEvent.ts';

export interface SubagentOptions {
  /** Whether its tool has `resume`, so that an interrupted subagent can continue. */
  canResume?: boolean;
  /** The messages that its turns had added to its history before the interruption; absent at the start. */
  appended?: readonly MessageParam[] | undefined;
}

/** Thrown instead of a result when a subagent waits for answers and can continue later. */
export class SubagentInterruption {
  readonly #subagent: InterruptedSubagent;

  constructor(subagent: InterruptedSubagent) {
    this.#subagent = subagent;
  }

  /** The interrupted subagent, if `thrown` is an interruption. Not `instanceof`: see `CallFailure.is`. */
  static in(thrown: unknown): InterruptedSubagent | undefined {
    const isOne = typeof thrown === 'object' && thrown !== null && #subagent in thrown;
    return isOne ? thrown.#subagent : undefined;
  }
}

/** Builds the current reply of a subagent. */
type Builder = MessageBuilder<AnyStreamEvent>;

/**
 * Follows the values that a tool emits. A tool that emits the events of a reply, such as those of `runTools`,
 * is a subagent: its result is the text of its last message, and its usage counts in the calling loop.
 *
 * ```text
 * turn1     maxS
 * subagent     mtTeS
 * turn2            muUeS
 *           runTools()
 * progress  ---mtTe(SE)|    the events of the subagent; E: its turn_end
 * text      ---------U-|    textOnly(): the text of the loop alone
 * ```
 */
export class Subagent {
  /** The `id` of the call that runs it. */
  readonly #id: string;
  /** The current reply of this subagent and of each subagent that it calls, by the `id` of the call. */
  readonly #replies = new Map<string, Builder>();
  readonly #usage = new Map<string, object>();
  #last: AnyStreamEvent | undefined;
  #message: AnyMessage | undefined;
  readonly #canResume: boolean;
  readonly #isResumed: boolean;
  /** The messages that its turns have added to its history. */
  #appended: readonly MessageParam[];

  constructor(toolUseId: string, { canResume = false, appended }: SubagentOptions = {}) {
    this.#id = toolUseId;
    this.#canResume = canResume;
    this.#isResumed = appended !== undefined;
    this.#appended = appended ?? [];
  }

  /** The usage of its replies so far, per model, with that of its own subagents. */
  get usage(): SubagentUsage[] {
    const usage = new Map(this.#usage);
    for (const { message } of this.#replies.values()) if (message) count(message, usage);
    return [...usage].map(([model, used]) => ({ model, usage: used }));
  }

  /** The fields of the `tool_progress` event for a value that the tool has emitted. */
  progressOf(value: unknown): { progress: unknown; parent_tool_use_id?: string } {
    const { parent, event } = this.#read(value);
    return event ? { progress: event, parent_tool_use_id: parent } : { progress: value };
  }

  /** Follows the values of the tool; if the last value ends a reply, the answer is emitted after it. */
  follow(): MonoTypeOperatorFunction<unknown> {
    return (source) =>
      source.pipe(
        tap((value) => this.#push(value)),
        concatWith(defer(() => (this.#last ? of(this.#answer(this.#last)) : []))),
      );
  }

  #push(value: unknown): void {
    const { parent, event } = this.#read(value);
    const isOwn = parent === this.#id;
    // A value of another kind after the events is the result.
    this.#last = isOwn && (isEnd(event) || isPart(event)) ? event : undefined;
    if (event === undefined) return;
    const reply = this.#replies.get(parent) ?? new MessageBuilder<AnyStreamEvent>();
    this.#replies.set(parent, reply);
    reply.push(event);
    if (isOwn) this.#append(event);
    if (event.type !== 'message_stop') return;
    if (isOwn) this.#message = reply.message;
    if (reply.message) count(reply.message, this.#usage);
    this.#replies.set(parent, new MessageBuilder<AnyStreamEvent>());
  }

  #append(event: AnyStreamEvent): void {
    if (event.type === 'turn_end') {
      this.#appended = [...this.#appended, ...(event.appended as MessageParam[])];
    }
    if (event.type === 'tool_answers') {
      // `start` also counts the messages of its first request.
      const start = this.#appended.findLastIndex(({ role }) => role === 'assistant') + 1;
      const messages = event.messages as MessageParam[];
      this.#appended = [...this.#appended.slice(0, start), ...messages];
    }
  }

  /** The text of the last message; throws if the subagent did not finish. */
  #answer(last: AnyStreamEvent): string {
    if (isPart(last)) throw truncation();
    const pending = pendingIn(last);
    if (pending && this.#canResume) {
      throw new SubagentInterruption({ appended: [...this.#appended], pending: [...pending] });
    }
    return answerOf(pending ? 'interrupted' : outcomeOf(last), this.#message);
  }

  /** The event in a value, and the call that runs its subagent. */
  #read(value: unknown): { parent: string; event?: AnyStreamEvent } {
    const { type, parent_tool_use_id: parent, progress } = fields(value);
    if (type === 'tool_progress' && typeof parent === 'string' && isRecord(progress)) {
      return { parent, event: progress as unknown as AnyStreamEvent };
    }
    const isBegun = this.#isResumed || this.#replies.has(this.#id);
    const isEvent = isBegun ? typeof type === 'string' : type === 'message_start';
    return { parent: this.#id, ...(isEvent && { event: value as AnyStreamEvent }) };
  }
}

/** Whether the event is inside a reply, so that a stream that ends with it was cut off. */
function isPart(event: AnyStreamEvent | undefined): boolean {
  return event !== undefined && /^(content_block_|message_(start|delta)$)/.test(event.type);
}

function isEnd(event: AnyStreamEvent | undefined): boolean {
  if (event === undefined) return false;
  return /^(turn_end|message_stop)$/.test(event.type) || pendingIn(event) !== undefined;
}

/** The calls that wait for answers, if this event interrupted the loop. */
function pendingIn(event: AnyStreamEvent): readonly PendingCall[] | undefined {
  return event.type === 'turn_end' || event.type === 'tool_answers' ? event.pending : undefined;
}

/** How the last turn of a loop ended; `undefined` for a single reply. */
function outcomeOf(event: AnyStreamEvent): string | undefined {
  return event.type === 'turn_end' ? event.outcome : undefined;
}

/** Adds the usage of a reply to that of its model. */
function count({ model, usage }: AnyMessage, sums: Map<string, object>): void {
  sums.set(model, addUsage(sums.get(model), usage));
}

/** The text of the last message; throws if the subagent did not finish. */
function answerOf(ending: string | undefined, message: AnyMessage | undefined): string {
  const text = messageText(message);
  const stopReason = message?.stop_reason ?? 'unknown';
  const outcome = ending ?? stopReason;
  // `end_turn`, `stop_sequence`, or a newer stop reason.
  if (outcome === stopReason && callsAt(message?.stop_reason) === 'unexpected') return text;
  const written = text === '' ? 'It wrote no text.' : `It wrote: ${text}`;
  throw new Error(`The subagent did not finish: it ended with '${outcome}'. ${written}`);
}
