import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { isCall } from '../history/blockKinds.ts';
import { continuationOf } from '../message/continuation.ts';
import { isContentEvent, StreamEnd } from '../message/eventKinds.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { asString } from '../message/record.ts';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';
import { AttemptUsage } from './AttemptUsage.ts';
import { BlockNumbers } from './BlockNumbers.ts';
import { defaultContinuation } from './continueFrom.ts';
import { LeadingBlank } from './LeadingBlank.ts';
import { SeamJoin } from './SeamJoin.ts';
import type { SplicedEvent } from './SplicedEvent.ts';

interface SeamEvent extends SplicedEvent {
  keep: number;
  attempt: number;
}

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

  readonly #blocks: BlockNumbers = new BlockNumbers();
  readonly #seam: SeamJoin = new SeamJoin();
  readonly #blank: LeadingBlank;
  readonly #usage: AttemptUsage = new AttemptUsage();
  /** How many blocks this attempt goes on from, and the last of them as it then was. */
  #base = 0;
  #joint: { type: string } | undefined;

  constructor(give: (event: E) => void) {
    this.#give = give;
    this.#blank = new LeadingBlank((event) => {
      this.#shown.push(event as unknown as E);
      give(event as unknown as E);
    });
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
    this.#blank.drop();
    this.#seam.cancel();
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
    const fields = event as unknown as SplicedEvent;
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
        this.#usage.update(fields.usage);
        return this.#emit(this.#usage.isSum ? this.#ofAllAttempts(fields) : fields);
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

  #begin(event: SplicedEvent): void {
    const shown = this.message;
    if (shown && (this.#attempt > 1 || shown.id === event.message?.id)) return;
    this.#blocks.forget();
    this.#blocks.keep(0);
    this.#usage.set(event.message?.usage);
    this.#emit(event);
  }

  #resume(event: E, started: SplicedEvent['message'], error: MessageStreamError): void {
    const shown = this.message;
    this.#broken = undefined;
    if (shown === undefined) return;
    this.#usage.next(started?.usage);
    const { keep, seam } = continuationOf(event) ?? defaultContinuation(shown as Message);
    this.#base = Math.min(keep, shown.content.length);
    this.#joint = shown.content[this.#base - 1];
    this.#blocks.forget();
    this.#seam.expect(seam, shown.content.slice(0, this.#base));
    const model = started?.model ?? shown.model;
    this.#keep({ type: 'resume', attempt: this.#attempt, keep, error, model }, this.#base);
  }

  /** A seam inside of this attempt, which has a `retryResumable` of its own, or had it before. */
  #resumeWithin({ keep, usage, attempt, ...event }: SeamEvent): void {
    if (usage) this.#usage.set(usage);
    const within = { ...event, attempt: this.#attempt + attempt - 1 };
    if (keep > 0) return this.#keep(within, Math.max(this.#base, this.#blocks.countBefore(keep)));
    this.#blocks.forget();
    this.#seam.restart();
    const joint = this.#joint;
    const isLonger = joint !== undefined && this.message?.content[this.#base - 1] !== joint;
    this.#keep(within, isLonger ? this.#base - 1 : this.#base);
    // It withdraws what it had added to a text that stands: that text is given again, without it.
    if (isLonger) this.#openBlock({ type: 'content_block_start', index: -1, content_block: joint });
  }

  #keep(event: object, keep: number): void {
    this.#blocks.keep(keep);
    this.#emit({ ...event, keep, usage: this.#usage.total });
  }

  #startBlock(event: SplicedEvent): void {
    const block = event.content_block;
    if (this.#seam.awaitsText && block?.type === 'text') {
      this.#beginText(event);
      return this.#giveText(event.index, this.#seam.push(asString(block.text)));
    }
    // A text after a tool call, say, does not go on from the text that was shown.
    if (!asString(block?.type).endsWith('thinking')) this.#endSeam();
    this.#closeOpen();
    this.#openBlock(event);
  }

  /** The first text of a continuation: it goes on in the block that it continues, if that is open. */
  #beginText(event: SplicedEvent): void {
    const { index, content_block } = event;
    const goesOn = this.#blocks.open !== undefined && this.#blocks.open === this.#base - 1;
    if (goesOn) this.#blocks.join(index, this.#base - 1);
    else this.#closeOpen();
    const start = { ...event, content_block: { ...content_block!, text: '' } };
    this.#seam.begin(index, goesOn ? undefined : start);
  }

  #openBlock(event: SplicedEvent): void {
    this.#emitAt(this.#blocks.begin(event.index), event);
  }

  #fillBlock(event: SplicedEvent): void {
    const { index } = event;
    const { type, text: given } = event.delta ?? {};
    const text = asString(given);
    const isText = type === 'text_delta';
    // A gateway may leave the start out.
    if (isText && this.#seam.awaitsText && this.#blocks.of(index) === undefined) {
      this.#beginText({ type: 'content_block_start', index, content_block: EMPTY_TEXT });
    }
    const joined = this.#seam.text;
    if (joined && index === joined.index) {
      const fresh = isText ? this.#seam.push(text) : '';
      if (isText && (fresh === '' || fresh !== text)) return this.#giveText(index, fresh);
      this.#startWaiting();
    }
    this.#emitAt(this.#position(index), event);
  }

  #endBlock(event: SplicedEvent): void {
    if (event.index === this.#seam.text?.index) this.#endSeam();
    const { open } = this.#blocks;
    // Where all of a text was a repeat, no block had begun for it.
    if (open === undefined || open !== this.#blocks.of(event.index)) return;
    this.#emitAt(open, event);
    this.#blocks.close();
  }

  #endSeam(): void {
    const { text } = this.#seam;
    if (text) this.#giveText(text.index, this.#seam.end());
    this.#seam.cancel();
  }

  #giveText(index: number, text: string): void {
    if (text === '') return;
    this.#startWaiting();
    const delta = { type: 'text_delta', text };
    this.#emitAt(this.#position(index), { type: 'content_block_delta', index, delta });
  }

  /** Begins the block whose start was held back. */
  #startWaiting(): void {
    const start = this.#seam.takeStart();
    if (start !== undefined) this.#openBlock(start);
  }

  #closeOpen(): void {
    if (this.#seam.text) this.#endSeam();
    const index = this.#blocks.close();
    if (index !== undefined) this.#emit({ type: 'content_block_stop', index });
  }

  /** Where the block with this index of the attempt is in the reply, if need be without a start. */
  #position(index: number): number {
    const position = this.#blocks.of(index);
    if (position !== undefined) return position;
    this.#closeOpen();
    return this.#blocks.begin(index);
  }

  #emitAt(position: number, event: Partial<SplicedEvent> & { index: number }): void {
    this.#emit(event.index === position ? event : { ...event, index: position });
  }

  #emit(event: object): void {
    this.#blank.push(event as SplicedEvent);
  }

  /** Gives out what is held back of white space, because nothing will withdraw it. */
  release(): void {
    this.#blank.release();
  }

  /**
   * The `message_delta` of a continuation says it of the whole reply: what all attempts have used,
   * and, where a call is kept, that the reply ends for its result.
   */
  #ofAllAttempts(event: SplicedEvent): SplicedEvent {
    const whole = { ...event, usage: this.#usage.total };
    const kept = this.message?.content.slice(0, this.#base) ?? [];
    if (event.delta?.stop_reason !== 'end_turn' || !kept.some(isCall)) return whole;
    return { ...whole, delta: { ...event.delta, stop_reason: 'tool_use' } };
  }
}

const EMPTY_TEXT = { type: 'text', text: '', citations: null };
