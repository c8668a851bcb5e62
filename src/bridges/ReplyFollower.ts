import { CallTracker } from '../calls/CallTracker.ts';
import { isServerResult } from '../history/blockKinds.ts';
import type { BlockBuilder } from '../message/BlockBuilder.ts';
import { StreamEnd } from '../message/eventKinds.ts';
import { isSubagentEvent } from '../message/guards.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { type Fields, fields } from '../message/record.ts';
import type {
  AnyStreamEvent,
  EventOfType,
  ResumeEvent,
  TurnEndEvent,
} from '../message/StreamEvent.ts';
import type { ToolProgressEvent, ToolResultEvent } from '../message/ToolCallEvent.ts';

/** A content block, as a reader of another wire follows it. */
export interface FollowedBlock {
  /** Its place in its reply. */
  readonly position: number;
  /** The number of its reply in the stream, from 0. */
  readonly reply: number;
  readonly kind: unknown;
  /** As far as it has arrived: another object only if something has changed. */
  readonly block: Fields;
  /** Whether it goes on after its end: what it held by then has been stated. */
  readonly isReopened: boolean;
}

/** What a bridge is told. Every value is about the reply that began last, but results of calls. */
export interface ReplyListener {
  /** A reply begins: the first, or the next of a loop. */
  replyStart(message: Fields, reply: number): void;
  /** What was stated of the reply is taken back. What stands is stated anew. */
  replyReset(event: ResumeEvent | undefined): void;
  /** A block begins, or goes on after its end; what it holds by then is in it. */
  blockStart(block: FollowedBlock): void;
  /** More of the text, the thinking, or the JSON of an input. */
  blockText(block: FollowedBlock, text: string): void;
  blockEnd(block: FollowedBlock): void;
  /** A call is proven complete: its input is final. */
  callReady(block: FollowedBlock): void;
  /** The input of a call may not be used, and no tool of this stream answers it. */
  callInvalid(block: FollowedBlock, error: MessageStreamError): void;
  callProgress(event: ToolProgressEvent, block: FollowedBlock | undefined): void;
  /** Without a block it is that of a call of an earlier stream, which had waited for its answer. */
  callResult(event: ToolResultEvent, block: FollowedBlock | undefined): void;
  /** The reply is over: with `turn_end` in a loop, else with `message_stop`. */
  replyEnd(stopReason: unknown, turn: TurnEndEvent | undefined): void;
  /** Calls of an earlier stream wait again for an answer: no reply follows. */
  interrupted(): void;
}

type EventOf<T extends string> = EventOfType<AnyStreamEvent, T>;

class Followed implements FollowedBlock {
  readonly builder: BlockBuilder;
  readonly position: number;
  readonly reply: number;
  /** Whether its text is an input, which the calls follow. */
  readonly isCall: boolean;
  isOpen = true;
  isReopened = false;
  /** Of a call. */
  ending: 'ready' | MessageStreamError | undefined;
  /** What has been told of its run last. */
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
 * Follows the blocks and calls of a reply, of a loop of `runTools`, or of several replies one after the
 * other, for a bridge to another wire. Pings, notices, and events of types that it does not know are
 * left out.
 */
export class ReplyFollower {
  readonly #listener: ReplyListener;
  readonly #tracker = new CallTracker<AnyStreamEvent>();
  readonly #end = new StreamEnd();
  /** The blocks of the reply, in their order. */
  #blocks: Followed[] = [];
  /** Those that have not ended. */
  readonly #open = new Set<Followed>();
  readonly #byBuilder = new WeakMap<BlockBuilder, Followed>();
  /** The calls of all replies by their ids, which gateways may use more than once. */
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

  /** The message that was followed last, as far as it has arrived. */
  get message(): Fields | undefined {
    return this.#tracker.message as Fields | undefined;
  }

  /** Takes the next event in. */
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
        // What a subagent does is not the reply; its result is that of the call.
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

  /** The stream has failed. A result comes whole in its start, so it is stated without its end. */
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
    const isRepeated = !this.#isOver && message['id'] === this.#id;
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
        // Another message, though this one has not ended: it begins anew.
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

  /** Takes in more of the text that the last delta brought: most events are these. */
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

  /** Takes the event in, and what it does to calls. */
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
        // In a loop its result says so.
        if (!this.#end.isLoop) this.#listener.callInvalid(call, step.error);
      }
    }
    if (event.type === 'message_delta') this.#close();
  }

  /** Begins the blocks that are new. */
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

  /** The first of the calls with this id that is meant, else the last. */
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
    // What a tool shows while its input is written would pass for the result of a call that is cut.
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

/** The fields of a block besides those that the other wire has, as plain JSON; `undefined` without any. */
export function otherFields(block: Fields, ...known: string[]): Fields | undefined {
  const rest = Object.entries(block).filter(
    ([name, value]) => name !== 'type' && !known.includes(name) && value != null,
  );
  return rest.length > 0 ? Object.fromEntries(rest) : undefined;
}
