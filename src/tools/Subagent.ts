import type { MessageParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { concatWith, defer, type MonoTypeOperatorFunction, of, tap } from 'rxjs';
import { callsAt } from '../history/stopReasons.ts';
import { addUsage } from '../message/addUsage.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import { messageText } from '../message/messageText.ts';
import { fields, isRecord } from '../message/record.ts';
import type {
  AnyMessage,
  AnyStreamEvent,
  InterruptedSubagent,
  PendingCall,
  SubagentUsage,
} from '../message/StreamEvent.ts';

export interface SubagentOptions {
  /** Whether its tool can go on with it when it is interrupted. */
  canResume?: boolean;
  /** What its turns have added to its history before it was interrupted; absent where it begins. */
  appended?: readonly MessageParam[] | undefined;
}

/** Thrown in the place of its result where a subagent waits for answers, and can go on later. */
export class SubagentInterruption {
  readonly #subagent: InterruptedSubagent;

  constructor(subagent: InterruptedSubagent) {
    this.#subagent = subagent;
  }

  /** What was thrown, where it is an interruption. Not `instanceof`: see `CallFailure.is`. */
  static in(thrown: unknown): InterruptedSubagent | undefined {
    const isOne = typeof thrown === 'object' && thrown !== null && #subagent in thrown;
    return isOne ? thrown.#subagent : undefined;
  }
}

/** A reply of a subagent that is being written. */
type Builder = MessageBuilder<AnyStreamEvent>;

/**
 * Follows what a tool emits. A tool that emits the events of a reply, such as those of `runTools`, is a
 * subagent: its result is the text of its last message, and its usage counts in the loop that it is called in.
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
  /** The reply of each subagent that is being written: of this one, and of those that it calls. */
  readonly #replies = new Map<string, Builder>();
  readonly #usage = new Map<string, object>();
  #last: AnyStreamEvent | undefined;
  #message: AnyMessage | undefined;
  readonly #canResume: boolean;
  readonly #isResumed: boolean;
  /** What its turns have added to its history. */
  #appended: readonly MessageParam[];

  constructor(toolUseId: string, { canResume = false, appended }: SubagentOptions = {}) {
    this.#id = toolUseId;
    this.#canResume = canResume;
    this.#isResumed = appended !== undefined;
    this.#appended = appended ?? [];
  }

  /** What its replies have used so far, those of its own subagents included; for each model. */
  get usage(): SubagentUsage[] {
    const usage = new Map(this.#usage);
    for (const { message } of this.#replies.values()) if (message) count(message, usage);
    return [...usage].map(([model, used]) => ({ model, usage: used }));
  }

  /** What is shown of a value that the tool has emitted. */
  progressOf(value: unknown): { progress: unknown; parent_tool_use_id?: string } {
    const { parent, event } = this.#read(value);
    return event ? { progress: event, parent_tool_use_id: parent } : { progress: value };
  }

  /** Follows the values of the tool; where the last one ends a reply, the answer comes after it. */
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
    // Another value behind the events is the result.
    this.#last = isOwn && isEnd(event) ? event : undefined;
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
      // `start` counts the messages that it began with, too.
      const start = this.#appended.findLastIndex(({ role }) => role === 'assistant') + 1;
      const messages = event.messages as MessageParam[];
      this.#appended = [...this.#appended.slice(0, start), ...messages];
    }
  }

  /** The text of the last message; throws where the subagent did not come to its end. */
  #answer(last: AnyStreamEvent): string {
    const pending = pendingIn(last);
    if (pending && this.#canResume) {
      throw new SubagentInterruption({ appended: [...this.#appended], pending: [...pending] });
    }
    return answerOf(pending ? 'interrupted' : outcomeOf(last), this.#message);
  }

  /** The event in a value, and the call that runs the subagent that it is of. */
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

function isEnd(event: AnyStreamEvent | undefined): boolean {
  if (event === undefined) return false;
  return /^(turn_end|message_stop)$/.test(event.type) || pendingIn(event) !== undefined;
}

/** The calls that wait for answers, where the loop was interrupted with this event. */
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

/** The text of the last message; throws where the subagent did not come to its end. */
function answerOf(ending: string | undefined, message: AnyMessage | undefined): string {
  const text = messageText(message);
  const stopReason = message?.stop_reason ?? 'unknown';
  const outcome = ending ?? stopReason;
  // `end_turn`, `stop_sequence`, or one that is newer.
  if (outcome === stopReason && callsAt(message?.stop_reason) === 'unexpected') return text;
  const written = text === '' ? 'It wrote no text.' : `It wrote: ${text}`;
  throw new Error(`The subagent did not finish: it ended with '${outcome}'. ${written}`);
}
