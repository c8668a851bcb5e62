import { CallTracker } from '../calls/CallTracker.ts';
import { isServerResult } from '../history/blockKinds.ts';
import type { BlockBuilder } from '../message/BlockBuilder.ts';
import { StreamEnd } from '../message/eventKinds.ts';
import { isSubagentEvent } from '../message/guards.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { missingStart } from '../message/missingStart.ts';
import { type Fields, fields, isRecord } from '../message/record.ts';
import type {
  AnyStreamEvent,
  EventOfType,
  ResumeEvent,
  TurnEndEvent,
} from '../message/StreamEvent.ts';
import type { ToolProgressEvent, ToolResultEvent } from '../message/ToolCallEvent.ts';

/** A content block, for a bridge that writes it in another format. */
export interface FollowedBlock {
  /** The position of the block in its reply. */
  readonly position: number;
  /** The number of the reply in the stream, from 0. */
  readonly reply: number;
  readonly kind: unknown;
  /** The block so far: a new object only if something has changed. */
  readonly block: Fields;
  /** Whether the block continues after its end; its content up to then was emitted already. */
  readonly isReopened: boolean;
}

/** The steps of a reply. Each step is about the reply that began last, except results of calls. */
export interface ReplyListener {
  /** A reply begins: the first, or the next reply of a loop. */
  replyStart(message: Fields, reply: number): void;
  /** The emitted content of the reply is withdrawn. The kept content follows again. */
  replyReset(event: ResumeEvent | undefined): void;
  /** A block begins, or continues after its end; `block` has its content so far. */
  blockStart(block: FollowedBlock): void;
  /** More of the text, the thinking, or the JSON of an input. */
  blockText(block: FollowedBlock, text: string): void;
  blockEnd(block: FollowedBlock): void;
  /** A call is proven complete: its input is final. */
  callReady(block: FollowedBlock): void;
  /** The input of a call is not valid, and no tool of this stream answers the call. */
  callInvalid(block: FollowedBlock, error: MessageStreamError): void;
  callProgress(event: ToolProgressEvent, block: FollowedBlock | undefined): void;
  /** Without a block, the result is for a call of an earlier stream that waited for its answer. */
  callResult(event: ToolResultEvent, block: FollowedBlock | undefined): void;
  /** The reply is over: with `turn_end` in a loop, else with `message_stop`. */
  replyEnd(stopReason: unknown, turn: TurnEndEvent | undefined): void;
  /** Calls of an earlier stream wait for an answer again: no reply follows. */
  interrupted(): void;
}

type EventOf<T extends string> = EventOfType<AnyStreamEvent, T>;

class Followed implements FollowedBlock {
  readonly builder: BlockBuilder;
  readonly position: number;
  readonly reply: number;
  /** Whether the text is the input of a call. */
  readonly isCall: boolean;
  isOpen = true;
  isReopened = false;
  /** Of a call. */
  ending: 'ready' | MessageStreamError | undefined;
  /** The last event about the run of the call. */
  told: ToolProgressEvent | ToolResultEvent | undefined;

  constructor(builder: BlockBuilder, position: number, reply: number) {
    this.builder = builder;
    this.position = position;
    this.reply = reply;
    this.isCall = builder.takesInput;
  }

  get kind(): unknown {
    return this.builder.kind;
  }

  get block(): Fields {
    return this.builder.block;
  }
}

/**
 * Follows the blocks and calls of a reply, of a loop of `runTools`, or of several consecutive replies,
 * for a bridge to another format. Pings, notices and events of unknown types are left out.
 */
export class ReplyFollower {
  readonly #listener: ReplyListener;
  readonly #tracker = new CallTracker<AnyStreamEvent>();
  readonly #end = new StreamEnd();
  /** The blocks of the reply, in order. */
  #blocks: Followed[] = [];
  /** The blocks that have not ended. */
  readonly #open = new Set<Followed>();
  readonly #byBuilder = new WeakMap<BlockBuilder, Followed>();
  /** The calls of all replies by id. Gateways may use an id more than once. */
  readonly #calls = new Map<string, Followed[]>();
  #reply = -1;
  #id: unknown;
  #isOver = true;
  #stopReason: unknown;
  #isWhole = false;
  /** The block that the last delta belonged to. */
  #last: Followed | undefined;

  constructor(listener: ReplyListener) {
    this.#listener = listener;
  }

  /** Whether the stream may end here. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** The message of the last reply, so far. */
  get message(): Fields | undefined {
    return this.#tracker.message as Fields | undefined;
  }

  /** Handles the next event. */
  push(event: AnyStreamEvent): void {
    switch (event.type) {
      case 'content_block_delta':
        return this.#delta(event);
      case 'content_block_start':
        this.#take(event);
        return this.#sync();
      case 'content_block_stop':
        this.#take(event);
        return this.#close();
      case 'message_start':
        return this.#start(event);
      case 'message_delta':
        this.#stopReason = event.delta?.stop_reason ?? this.#stopReason;
        return this.#take(event);
      case 'message_stop':
        if (this.#reply < 0) throw missingStart();
        this.#isWhole = this.#end.push(event);
        this.#take(event);
        this.#close();
        if (!this.#end.isLoop) this.#over(undefined);
        return;
      case 'resume':
        return this.#resume(event);
      case 'tool_start': {
        const call = this.#callOf(event.tool_use_id, ({ ending }) => ending !== 'ready');
        if (call) this.#ready(call);
        return;
      }
      case 'tool_progress':
      case 'tool_result':
        // The events of a subagent are not part of the reply; its result is the result of the call.
        return isSubagentEvent(event) ? undefined : this.#told(event);
      case 'tool_answers':
        this.#isWhole = this.#end.push(event);
        if (this.#isWhole) this.#listener.interrupted();
        return;
      case 'turn_end':
        this.#isWhole = this.#end.push(event);
        this.#over(event as TurnEndEvent);
    }
  }

  /** The stream has failed. A result is complete in its start event, so it is emitted without its end. */
  cut(): void {
    for (const block of this.#open) {
      if (!isServerResult(block.block as { type: string })) continue;
      this.#open.delete(block);
      block.isOpen = false;
      this.#listener.blockEnd(block);
    }
  }

  #start(event: EventOf<'message_start'>): void {
    this.#end.push(event);
    this.#isWhole = false;
    const message = fields(event.message);
    const isSame = !isRecord(event.message) || message['id'] === this.#id;
    const isRepeated = !this.#isOver && isSame;
    if (!isRepeated) {
      this.#id = message['id'];
      this.#stopReason = message['stop_reason'] ?? undefined;
      this.#blocks = [];
      this.#open.clear();
      this.#last = undefined;
      if (this.#isOver) {
        this.#isOver = false;
        this.#listener.replyStart(message, ++this.#reply);
      } else {
        // Another message begins although this message has not ended: the reply starts again.
        this.#forget(() => true);
        this.#listener.replyReset(undefined);
      }
    }
    this.#take(event);
    this.#sync();
  }

  #delta(event: EventOf<'content_block_delta'>): void {
    if (this.#extend(event)) return;
    this.#take(event);
    if (this.#tracker.blocks.all.length !== this.#blocks.length) return this.#sync();
    const { touched } = this.#tracker.blocks;
    if (touched === undefined) return;
    let block = this.#last;
    if (block?.builder !== touched) block = this.#last = this.#byBuilder.get(touched);
    if (block === undefined) return;
    const text = textOf(event.delta as unknown as Fields);
    if (text === '') return;
    if (!block.isOpen) {
      this.#open.add(block);
      block.isOpen = block.isReopened = true;
      this.#listener.blockStart(block);
    }
    this.#listener.blockText(block, text);
  }

  /** Handles a delta of the same block as the last delta: most events are of this kind. */
  #extend({ index, delta }: EventOf<'content_block_delta'>): boolean {
    const last = this.#last;
    if (last === undefined || !last.isOpen || last.isCall) return false;
    const { builder } = last;
    if (builder.index !== index || this.#tracker.blocks.touched !== builder) return false;
    if (!builder.extend(delta as unknown as Fields)) return false;
    const text = textOf(delta as unknown as Fields);
    if (text !== '') this.#listener.blockText(last, text);
    return true;
  }

  /** Handles the event, and its effects on calls. */
  #take(event: AnyStreamEvent): void {
    for (const step of this.#tracker.push(event)) {
      if (step.type === 'failed') throw step.error;
      if (step.type !== 'complete' && step.type !== 'invalid') continue;
      const call = this.#byBuilder.get(this.#tracker.blocks.all[step.call.position]!);
      if (call === undefined) continue;
      this.#closeOne(call);
      if (step.type === 'complete') this.#ready(call);
      else {
        call.ending = step.error;
        // In a loop, the result of the call reports this.
        if (!this.#end.isLoop) this.#listener.callInvalid(call, step.error);
      }
    }
    if (event.type === 'message_delta') this.#close();
  }

  /** Emits the start of new blocks. */
  #sync(): void {
    const { all } = this.#tracker.blocks;
    if (this.#reply < 0) return;
    while (this.#blocks.length < all.length) {
      const builder = all[this.#blocks.length]!;
      const block = new Followed(builder, this.#blocks.length, this.#reply);
      this.#blocks.push(block);
      this.#byBuilder.set(builder, block);
      if (block.kind === 'tool_use') {
        const id = String(block.block['id']);
        this.#calls.set(id, [...(this.#calls.get(id) ?? []), block]);
      }
      this.#open.add(block);
      this.#listener.blockStart(block);
      this.#closeOne(block);
    }
  }

  #close(): void {
    for (const block of this.#open) this.#closeOne(block);
  }

  #closeOne(block: Followed): void {
    if (!block.isOpen || block.builder.isOpen) return;
    block.isOpen = false;
    this.#open.delete(block);
    this.#listener.blockEnd(block);
  }

  #ready(call: Followed): void {
    if (call.ending === 'ready') return;
    call.ending = 'ready';
    this.#listener.callReady(call);
  }

  /** The first matching call with this id, else the last. */
  #callOf(id: string, isMeant: (call: Followed) => boolean): Followed | undefined {
    const calls = this.#calls.get(id);
    return calls?.find(isMeant) ?? calls?.at(-1);
  }

  #told(event: ToolProgressEvent | ToolResultEvent): void {
    const call = this.#callOf(event.tool_use_id, ({ told }) => told?.type !== 'tool_result');
    if (call === undefined) {
      if (this.#reply < 0) this.#tell(event, undefined);
      return;
    }
    // Progress before the input is complete could be taken for the result of a call that was cut off.
    if (event.type === 'tool_progress' && call.ending !== 'ready') return;
    call.told = event;
    this.#tell(event, call);
  }

  #tell(event: ToolProgressEvent | ToolResultEvent, call: Followed | undefined): void {
    if (event.type === 'tool_progress') this.#listener.callProgress(event, call);
    else if (event.status !== 'withdrawn') this.#listener.callResult(event, call);
  }

  #resume(event: ResumeEvent): void {
    if (this.#reply < 0) return;
    this.#take(event);
    this.#isOver = false;
    this.#isWhole = false;
    this.#stopReason = undefined;
    this.#last = undefined;
    const { all } = this.#tracker.blocks;
    this.#forget(({ builder, position }) => all[position] !== builder);
    this.#blocks.length = Math.min(this.#blocks.length, all.length);
    this.#open.clear();
    this.#listener.replyReset(event);
    for (const block of this.#blocks) this.#restate(block);
  }

  #restate(block: Followed): void {
    block.isOpen = true;
    block.isReopened = false;
    this.#open.add(block);
    this.#listener.blockStart(block);
    this.#closeOne(block);
    if (block.ending === 'ready') this.#listener.callReady(block);
    else if (block.ending && !this.#end.isLoop) this.#listener.callInvalid(block, block.ending);
    if (block.told) this.#tell(block.told, block);
  }

  #forget(isGone: (block: Followed) => boolean): void {
    for (const [id, calls] of this.#calls) {
      const kept = calls.filter((call) => call.reply !== this.#reply || !isGone(call));
      if (kept.length < calls.length) this.#calls.set(id, kept);
    }
  }

  #over(turn: TurnEndEvent | undefined): void {
    if (this.#isOver && turn === undefined) return;
    this.#isOver = true;
    this.#listener.replyEnd(this.#stopReason, turn);
  }
}

function textOf({ type, text, thinking, partial_json }: Fields): string {
  const given =
    type === 'text_delta'
      ? text
      : type === 'thinking_delta'
        ? thinking
        : type === 'input_json_delta'
          ? partial_json
          : '';
  return typeof given === 'string' ? given : '';
}

/** The fields of a block that the other format does not have, as plain JSON; `undefined` without any. */
export function otherFields(block: Fields, ...known: string[]): Fields | undefined {
  const rest = Object.entries(block).filter(
    ([name, value]) => name !== 'type' && !known.includes(name) && value != null,
  );
  return rest.length > 0 ? Object.fromEntries(rest) : undefined;
}
