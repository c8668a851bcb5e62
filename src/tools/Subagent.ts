import { concatWith, defer, type MonoTypeOperatorFunction, of, tap } from 'rxjs';
import { callsAt } from '../history/stopReasons.ts';
import { addUsage } from '../message/addUsage.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import { messageText } from '../message/messageText.ts';
import { fields, isRecord } from '../message/record.ts';
import type { AnyMessage, AnyStreamEvent, SubagentUsage } from '../message/StreamEvent.ts';

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

  constructor(toolUseId: string) {
    this.#id = toolUseId;
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
        concatWith(defer(() => (this.#last ? of(answerOf(this.#last, this.#message)) : []))),
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
    if (event.type !== 'message_stop') return;
    if (isOwn) this.#message = reply.message;
    if (reply.message) count(reply.message, this.#usage);
    this.#replies.set(parent, new MessageBuilder<AnyStreamEvent>());
  }

  /** The event in a value, and the call that runs the subagent that it is of. */
  #read(value: unknown): { parent: string; event?: AnyStreamEvent } {
    const { type, parent_tool_use_id: parent, progress } = fields(value);
    if (type === 'tool_progress' && typeof parent === 'string' && isRecord(progress)) {
      return { parent, event: progress as unknown as AnyStreamEvent };
    }
    const isBegun = this.#replies.has(this.#id);
    const isEvent = isBegun ? typeof type === 'string' : type === 'message_start';
    return { parent: this.#id, ...(isEvent && { event: value as AnyStreamEvent }) };
  }
}

function isEnd(event: AnyStreamEvent | undefined): boolean {
  return event?.type === 'turn_end' || event?.type === 'message_stop';
}

/** Adds the usage of a reply to that of its model. */
function count({ model, usage }: AnyMessage, sums: Map<string, object>): void {
  sums.set(model, addUsage(sums.get(model), usage));
}

/** The text of the last message; throws where the subagent did not come to its end. */
function answerOf(last: AnyStreamEvent, message: AnyMessage | undefined): string {
  const text = messageText(message);
  const stopReason = message?.stop_reason ?? 'unknown';
  const outcome = last.type === 'turn_end' ? last.outcome : stopReason;
  // `end_turn`, `stop_sequence`, or one that is newer.
  if (outcome === stopReason && callsAt(message?.stop_reason) === 'unexpected') return text;
  const written = text === '' ? 'It wrote no text.' : `It wrote: ${text}`;
  throw new Error(`The subagent did not finish: it ended with '${outcome}'. ${written}`);
}
