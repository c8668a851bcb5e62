import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { Seam, type SeamConfig } from './Seam.ts';
import { addUsage } from '../message/addUsage.ts';
import { isBlank } from '../history/blankText.ts';
import { isCall } from '../history/blockKinds.ts';
import { continuationOf } from '../message/continuation.ts';
import { defaultContinuation } from './continueFrom.ts';
import { isContentEvent, StreamEnd } from '../message/eventKinds.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { asString } from '../message/record.ts';
import { messageText } from '../message/messageText.ts';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';

/** An event as the rewriting sees it: what came over the wire may not be what its type says. */
interface Event {
  type: string;
  index: number;
  message?: { id?: string; model?: string; usage?: object };
  content_block?: { type: string; text?: string };
  delta?: { type?: string; text?: string; stop_reason?: string | null };
  usage?: Usage;
}
interface SeamEvent extends Event {
  keep: number;
  attempt: number;
}
type Usage = object & { attempts?: object[] };

/**
 * Makes one reply of several attempts: one `message_start`, contiguous block indices, one ending,
 * no text twice.
 *
 * At a seam, `resume` says which blocks still stand. The text of the next attempt joins the last of
 * them where that is open, and begins a block of its own where it was closed.
 */
export class Splice<E extends AnyStreamEvent> {
  readonly #give: (event: E) => void;
  readonly #shown: MessageBuilder<E> = new MessageBuilder<E>();
  /** What broke the attempt before, until the next one begins. */
  #broken: MessageStreamError | undefined;
  #attempt = 1;
  readonly #end: StreamEnd = new StreamEnd();
  #stopped = false;

  /** Where the blocks of this attempt are in the reply. */
  readonly #positions = new Map<number, number>();
  #next = 0;
  /** The block that has begun and not ended. */
  #open: number | undefined;
  /** White space with which a text begins: not given before there is more, as it may be withdrawn. */
  #blank: Event[] = [];
  #isBlank = false;

  /** How many blocks this attempt goes on from, and the last of them as it then was. */
  #base = 0;
  #joint: { type: string } | undefined;
  /** Joins the first text of this attempt; with the `index` of its block, once it has begun. */
  #seamConfig: SeamConfig | undefined;
  #seam: Seam | undefined;
  #seamIndex: number | undefined;
  /** The start of that block, held back until there is new text in it. */
  #start: Event | undefined;

  #usage: Usage = {};
  readonly #spent: object[] = [];

  constructor(give: (event: E) => void) {
    this.#give = give;
  }

  /** The reply as far as it was given out. */
  get message(): MessageOf<E> | undefined {
    return this.#shown.message;
  }

  /** Whether the reply has had its `message_stop`; a loop of `runTools` its last turn. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Whether this is a loop of `runTools`, which passes as it is: only its request knows the rest. */
  get isLoop(): boolean {
    return this.#end.isLoop;
  }

  /** Which attempt this is; the first is 1. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Says that this attempt broke, and that the events of another one follow. */
  break(error: MessageStreamError): void {
    this.#attempt += error.attempts ?? 1;
    this.#broken = error;
    // What is held back was not shown; the next attempt brings it again.
    this.#blank = [];
    this.#seam = this.#seamIndex = this.#start = undefined;
  }

  /** The error with which the reply ends: of the last attempt, with what all of them brought. */
  failure(error: MessageStreamError): MessageStreamError {
    const partial = this.message as Message | undefined;
    if (this.#attempt === 1) return error.with({ partial });
    return error.after(this.#attempt - 1 + (error.attempts ?? 1), partial);
  }

  /** Takes the next event of this attempt. */
  push(event: E): void {
    if (event.type === 'ping') return this.#give(event);
    const isLast = this.#end.push(event);
    const fields = event as unknown as Event;
    if (this.#broken && isContentEvent(event)) this.#resume(event, fields.message, this.#broken);
    switch (event.type) {
      case 'message_start':
        return this.#begin(fields);
      case 'content_block_start':
        return this.#startBlock(fields);
      case 'content_block_delta':
        return this.#fillBlock(fields);
      case 'content_block_stop':
        return this.#endBlock(fields);
      case 'message_delta':
        this.#closeOpen();
        this.#usage = { ...this.#usage, ...withoutNull(fields.usage) };
        return this.#emit(this.#spent.length === 0 ? fields : this.#ofAllAttempts(fields));
      case 'message_stop':
        return this.#stop(fields, isLast);
      case 'resume':
        return this.#resumeWithin(fields as SeamEvent);
      default:
        this.#stopped = isLast;
        return this.#emit(fields);
    }
  }

  /** Whether the reply lacks nothing but its `message_stop`. */
  get canStop(): boolean {
    return !this.stopped && !this.isLoop && !this.#broken && Boolean(this.message?.stop_reason);
  }

  /** Ends the reply. */
  stop(): void {
    this.#stop({ type: 'message_stop' }, true);
  }

  #stop(event: object, isLast: boolean): void {
    this.#closeOpen();
    this.#stopped = isLast;
    this.#emit(event);
  }

  #begin(event: Event): void {
    const shown = this.message;
    if (shown && (this.#attempt > 1 || shown.id === event.message?.id)) return;
    this.#positions.clear();
    this.#next = 0;
    this.#open = undefined;
    this.#usage = event.message?.usage ?? {};
    this.#emit(event);
  }

  #resume(event: E, started: Event['message'], error: MessageStreamError): void {
    const shown = this.message;
    this.#broken = undefined;
    if (shown === undefined) return;
    this.#spent.push(...attemptsOf(this.#usage));
    this.#usage = started?.usage ?? {};
    const { keep, seam } = continuationOf(event) ?? defaultContinuation(shown as Message);
    this.#base = Math.min(keep, shown.content.length);
    this.#joint = shown.content[this.#base - 1];
    this.#seamConfig =
      this.#base > 0 ? withAllText(seam, shown.content.slice(0, this.#base)) : undefined;
    this.#beginSeam();
    const model = started?.model ?? shown.model;
    this.#keep({ type: 'resume', attempt: this.#attempt, keep, error, model }, this.#base);
  }

  /** A seam inside of this attempt, which has a `retryResumable` of its own, or had it before. */
  #resumeWithin({ keep, usage, attempt, ...event }: SeamEvent): void {
    if (usage) this.#usage = usage;
    const within = { ...event, attempt: this.#attempt + attempt - 1 };
    const ends = [...this.#positions].map(([index, position]) => (index < keep ? position + 1 : 0));
    if (keep > 0) return this.#keep(within, Math.max(this.#base, ...ends));
    this.#beginSeam();
    const joint = this.#joint;
    const isLonger = joint !== undefined && this.message?.content[this.#base - 1] !== joint;
    this.#keep(within, isLonger ? this.#base - 1 : this.#base);
    // It withdraws what it had added to a text that stands: that text is given again, without it.
    if (isLonger) this.#openBlock({ type: 'content_block_start', index: -1, content_block: joint });
  }

  #beginSeam(): void {
    this.#positions.clear();
    this.#seam = this.#seamConfig && new Seam(this.#seamConfig);
    this.#seamIndex = this.#start = undefined;
  }

  #keep(event: object, keep: number): void {
    this.#next = keep;
    if (this.#open !== undefined && this.#open >= keep) this.#open = undefined;
    this.#emit({ ...event, keep, usage: this.#total() });
  }

  #startBlock(event: Event): void {
    const block = event.content_block;
    if (this.#awaitsText && block?.type === 'text') {
      this.#beginText(event);
      return this.#giveText(event.index, this.#seam!.push(asString(block.text)));
    }
    // A text after a tool call, say, does not go on from the text that was shown.
    if (!asString(block?.type).endsWith('thinking')) this.#endSeam();
    this.#closeOpen();
    this.#openBlock(event);
  }

  get #awaitsText(): boolean {
    return this.#seam !== undefined && this.#seamIndex === undefined;
  }

  /** The first text of a continuation: it goes on in the block that it continues, if that is open. */
  #beginText(event: Event): void {
    if (this.#open !== undefined && this.#open === this.#base - 1) {
      this.#positions.set(event.index, this.#open);
    } else {
      this.#closeOpen();
      this.#start = { ...event, content_block: { ...event.content_block!, text: '' } };
    }
    this.#seamIndex = event.index;
  }

  #openBlock(event: Event): void {
    this.#open = this.#next++;
    this.#positions.set(event.index, this.#open);
    this.#emitAt(this.#open, event);
  }

  #fillBlock(event: Event): void {
    const { type, text: given } = event.delta ?? {};
    const text = asString(given);
    const isText = type === 'text_delta';
    // A gateway may leave the start out.
    if (isText && this.#awaitsText && !this.#positions.has(event.index)) {
      this.#beginText({
        type: 'content_block_start',
        index: event.index,
        content_block: EMPTY_TEXT,
      });
    }
    if (this.#seam !== undefined && event.index === this.#seamIndex) {
      const fresh = isText ? this.#seam.push(text) : '';
      if (isText && (fresh === '' || fresh !== text)) return this.#giveText(event.index, fresh);
      this.#startWaiting();
    }
    this.#emitAt(this.#position(event.index), event);
  }

  #endBlock(event: Event): void {
    if (event.index === this.#seamIndex) this.#endSeam();
    // Where all of a text was a repeat, no block had begun for it.
    if (this.#open === undefined || this.#open !== this.#positions.get(event.index)) return;
    this.#emitAt(this.#open, event);
    this.#open = undefined;
  }

  #endSeam(): void {
    if (this.#seam && this.#seamIndex !== undefined) {
      this.#giveText(this.#seamIndex, this.#seam.end());
    }
    this.#seam = this.#seamIndex = this.#start = undefined;
  }

  #giveText(index: number, text: string): void {
    if (text === '') return;
    this.#startWaiting();
    const delta = { type: 'text_delta', text };
    this.#emitAt(this.#position(index), { type: 'content_block_delta', index, delta });
  }

  /** Begins the block whose start was held back. */
  #startWaiting(): void {
    const start = this.#start;
    this.#start = undefined;
    if (start !== undefined) this.#openBlock(start);
  }

  #closeOpen(): void {
    if (this.#seamIndex !== undefined) this.#endSeam();
    if (this.#open === undefined) return;
    const index = this.#open;
    this.#open = undefined;
    this.#emit({ type: 'content_block_stop', index });
  }

  /** Where the block with this index of the attempt is in the reply, if need be without a start. */
  #position(index: number): number {
    let position = this.#positions.get(index);
    if (position === undefined) {
      this.#closeOpen();
      position = this.#open = this.#next++;
      this.#positions.set(index, position);
    }
    return position;
  }

  #emitAt(position: number, event: Partial<Event> & { index: number }): void {
    this.#emit(event.index === position ? event : { ...event, index: position });
  }

  #emit(given: object): void {
    const event = given as Event;
    if (this.#isBlank && isBlankDelta(event)) {
      this.#blank.push(event);
      return;
    }
    this.release();
    if (event.type === 'content_block_start') this.#isBlank = event.content_block?.type === 'text';
    this.#pass(event);
  }

  /** Gives out what is held back of white space, because nothing will withdraw it. */
  release(): void {
    if (!this.#isBlank) return;
    this.#isBlank = false;
    for (const event of this.#blank.splice(0)) this.#pass(event);
  }

  #pass(given: object): void {
    const event = given as E;
    this.#shown.push(event);
    this.#give(event);
  }

  /**
   * The `message_delta` of a continuation says it of the whole reply: what all attempts have used,
   * and, where a call is kept, that the reply ends for its result.
   */
  #ofAllAttempts(event: Event): Event {
    const whole = { ...event, usage: this.#total() };
    const kept = this.message?.content.slice(0, this.#base) ?? [];
    if (event.delta?.stop_reason !== 'end_turn' || !kept.some(isCall)) return whole;
    return { ...whole, delta: { ...event.delta, stop_reason: 'tool_use' } };
  }

  #total(): Usage {
    const attempts = [...this.#spent, ...attemptsOf(this.#usage)];
    return { ...attempts.reduce(addUsage, {}), attempts };
  }
}

const EMPTY_TEXT = { type: 'text', text: '', citations: null };

/** A repeat may begin in a block before the last one, whose text may be short. */
function withAllText(seam: SeamConfig, kept: readonly { type: string }[]): SeamConfig {
  const text = messageText({ content: kept });
  const { sent, leftOut = '' } = seam;
  return text.endsWith(sent + leftOut)
    ? { ...seam, sent: text.slice(0, text.length - leftOut.length) }
    : seam;
}

function attemptsOf(usage: Usage): object[] {
  return usage.attempts ?? [usage];
}

function isBlankDelta({ type, delta }: Event): boolean {
  return type === 'content_block_delta' && delta?.type === 'text_delta' && isBlank(delta.text);
}

function withoutNull(fields: object | null | undefined): object {
  return Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value != null));
}
