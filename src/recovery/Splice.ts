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
 * Joins several attempts into one reply: one `message_start`, contiguous block indices, one ending,
 * no text twice.
 *
 * At a seam, `resume` has the number of kept blocks. The text of the next attempt continues the last
 * kept block if that is open, and begins a new block if it was closed.
 */
export class Splice<E extends AnyStreamEvent> {
  readonly #give: (event: E) => void;
  readonly #shown: MessageBuilder<E> = new MessageBuilder<E>();
  /** The error of the previous attempt, until the next one begins. */
  #broken: MessageStreamError | undefined;
  #attempt = 1;
  readonly #end: StreamEnd = new StreamEnd();
  #stopped = false;

  readonly #blocks: BlockNumbers = new BlockNumbers();
  readonly #seam: SeamJoin = new SeamJoin();
  readonly #blank: LeadingBlank;
  readonly #usage: AttemptUsage = new AttemptUsage();
  /** The number of blocks that this attempt continues, and the last of them at that time. */
  #base = 0;
  #joint: { type: string } | undefined;

  constructor(give: (event: E) => void) {
    this.#give = give;
    this.#blank = new LeadingBlank((event) => {
      this.#shown.push(event as unknown as E);
      give(event as unknown as E);
    });
  }

  /** The reply, as emitted so far. */
  get message(): MessageOf<E> | undefined {
    return this.#shown.message;
  }

  /** Whether `message_stop` has come; for a loop of `runTools`, the end of its last turn. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Whether this is a loop of `runTools`. It is passed on unchanged, because only its request knows
   * the rest.
   */
  get isLoop(): boolean {
    return this.#end.isLoop;
  }

  /** The number of this attempt; the first is 1. */
  get attempt(): number {
    return this.#attempt;
  }

  /** This attempt broke, and the events of another attempt follow. */
  break(error: MessageStreamError): void {
    this.#attempt += error.attempts ?? 1;
    this.#broken = error;
    // The held back events were not emitted; the next attempt brings them again.
    this.#blank.drop();
    this.#seam.cancel();
  }

  /** The final error of the reply: the last attempt's error, with the content of all attempts. */
  failure(error: MessageStreamError): MessageStreamError {
    const partial = this.message as Message | undefined;
    if (this.#attempt === 1) return error.with({ partial });
    return error.after(this.#attempt - 1 + (error.attempts ?? 1), partial);
  }

  /** Adds the next event of this attempt. */
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

  /** Whether only `message_stop` is missing. */
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

  /** A seam inside of this attempt, whose source also has a `retryResumable`. */
  #resumeWithin({ keep, usage, attempt, ...event }: SeamEvent): void {
    if (usage) this.#usage.set(usage);
    const within = { ...event, attempt: this.#attempt + attempt - 1 };
    if (keep > 0) return this.#keep(within, Math.max(this.#base, this.#blocks.countBefore(keep)));
    this.#blocks.forget();
    this.#seam.restart();
    const joint = this.#joint;
    const isLonger = joint !== undefined && this.message?.content[this.#base - 1] !== joint;
    this.#keep(within, isLonger ? this.#base - 1 : this.#base);
    // The seam withdraws an addition to a kept text: the kept text is emitted again, without the addition.
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
    // A text after a tool call, for example, does not continue the emitted text.
    if (!asString(block?.type).endsWith('thinking')) this.#endSeam();
    this.#closeOpen();
    this.#openBlock(event);
  }

  /** The first text of a continuation: it continues the last kept block, if that is open. */
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
    // If the whole text was a repeat, no block has begun for it.
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

  /** The position in the reply of the attempt's block with this index, which may have no start event. */
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

  /** Emits the held back white space, because nothing will withdraw it. */
  release(): void {
    this.#blank.release();
  }

  /**
   * The `message_delta` of a continuation describes the whole reply: it has the usage of all attempts
   * and, if a call is kept, the stop reason `tool_use`.
   */
  #ofAllAttempts(event: SplicedEvent): SplicedEvent {
    const whole = { ...event, usage: this.#usage.total };
    const kept = this.message?.content.slice(0, this.#base) ?? [];
    if (event.delta?.stop_reason !== 'end_turn' || !kept.some(isCall)) return whole;
    return { ...whole, delta: { ...event.delta, stop_reason: 'tool_use' } };
  }
}

const EMPTY_TEXT = { type: 'text', text: '', citations: null };
