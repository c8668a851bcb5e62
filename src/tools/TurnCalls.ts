import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { AsyncSubject } from 'rxjs';
import { isPausedBy } from '../history/stopReasons.ts';
import { ProvenCalls } from '../message/ProvenCalls.ts';
import type { AnyStreamEvent, MessageOf } from '../message/StreamEvent.ts';
import { CallFailure } from './CallFailure.ts';
import { LiveInput } from './LiveInput.ts';
import type { ToolContext, ToolUse } from './Tool.ts';

/** A call in the reply of a turn. */
export interface TurnCall {
  /** As it begins; and as it is, once it is complete. */
  block: ToolUse;
  readonly context: ToolContext;
  /** Of the context's signal. */
  readonly controller: AbortController;
  /** Emits when the call is due to run, or will not run. */
  readonly due$: AsyncSubject<void>;
  /** Emits when the call is taken back, and at once where it has been. */
  readonly withdrawn$: AsyncSubject<void>;
  /** Why it cannot run. */
  failure?: CallFailure;
  result?: ToolResultBlockParam;
}

interface StandingCall extends TurnCall {
  readonly live: LiveInput;
  /** The `index` of its deltas. */
  readonly index: number;
  readonly position: number;
  state: 'open' | 'complete' | 'due';
}

export type TurnStep =
  /** The model begins to write the call. */
  | { readonly type: 'begin'; readonly call: TurnCall }
  /** The call is due: it may run. */
  | { readonly type: 'run'; readonly call: TurnCall };

/**
 * Follows the calls in the reply of one turn, and says when each of them may run: when the reply
 * says at its end that it waits for tools; or, where `isEager` says so, when the call is proven
 * complete.
 */
export class TurnCalls<E extends AnyStreamEvent> {
  readonly #turn: number;
  readonly #isEager: (block: ToolUse) => boolean;
  readonly #proven = new ProvenCalls<E>();
  #calls: StandingCall[] = [];
  #seam: number | undefined;

  constructor(turn: number, isEager: (block: ToolUse) => boolean) {
    this.#turn = turn;
    this.#isEager = isEager;
  }

  get message(): MessageOf<E> | undefined {
    return this.#proven.message;
  }

  /** How many blocks came before the reply broke and was carried on, if it was. */
  get seam(): number | undefined {
    return this.#seam;
  }

  /** The results there are, in the order of the calls. */
  get results(): ToolResultBlockParam[] {
    return this.#calls.flatMap(({ result }) => result ?? []);
  }

  /** Tells the calls that have no result that nobody waits for one. */
  abandon(): void {
    for (const call of this.#calls) {
      if (call.result === undefined) call.controller.abort();
    }
  }

  /** Takes the next event in. */
  push(event: E): TurnStep[] {
    const proven = this.#proven.push(event) as ToolUse[];
    const steps = proven.flatMap((block) => this.#prove(block));
    switch (event.type) {
      case 'content_block_start':
        this.#endInputs();
        return [...steps, ...this.#begin(event.index, event.content_block as unknown as ToolUse)];
      case 'content_block_delta':
        this.#write(event.index, event.delta as { partial_json?: unknown } | undefined);
        return steps;
      case 'resume':
        // Begun anew, it has no seam.
        this.#seam = event.keep > 0 ? Math.min(this.#seam ?? Infinity, event.keep) : undefined;
        this.#withdraw();
        return steps;
      case 'message_start':
        this.#withdraw();
        return steps;
      case 'message_stop':
        this.#endInputs();
        for (const call of this.#calls) emit(call.due$);
        return [...steps, ...this.#end()];
      default:
        return steps;
    }
  }

  #begin(index: number, block: ToolUse | undefined): TurnStep[] {
    if (block?.type !== 'tool_use') return [];
    const position = Math.max(0, (this.message?.content.length ?? 0) - 1);
    const live = new LiveInput();
    // Some gateways send the input with the start.
    if (Object.keys(block.input ?? {}).length > 0) live.push(JSON.stringify(block.input));
    const controller = new AbortController();
    const { signal } = controller;
    const context = { signal, toolUseId: block.id, turn: this.#turn, partial$: live.partial$ };
    const call: StandingCall = {
      block,
      context,
      controller,
      due$: new AsyncSubject(),
      withdrawn$: new AsyncSubject(),
      live,
      index,
      position,
      state: 'open',
    };
    this.#calls.push(call);
    return [{ type: 'begin', call }];
  }

  #write(index: number, delta: { partial_json?: unknown } | undefined): void {
    if (typeof delta?.partial_json !== 'string') return;
    this.#calls.findLast((call) => call.index === index)?.live.push(delta.partial_json);
  }

  #prove(block: ToolUse): TurnStep[] {
    const call = this.#open(block);
    if (call === undefined) return [];
    call.live.end(block.input);
    call.block = block;
    call.state = 'complete';
    return this.#isEager(block) ? [due(call)] : [];
  }

  /** A call that was cut, or that a fallback follows, is not written any more. */
  #endInputs(): void {
    for (const { live } of this.#calls) live.end();
  }

  #end(): TurnStep[] {
    const stopReason = this.message?.stop_reason;
    if (stopReason !== 'tool_use' && !isPausedBy(stopReason)) return [];
    for (const { call: block, error } of this.#proven.malformed) {
      const call = this.#open(block as ToolUse);
      if (call === undefined) continue;
      call.block = block as ToolUse;
      call.failure = new CallFailure('invalid_input', error);
      call.state = 'complete';
    }
    return this.#calls.filter(({ state }) => state === 'complete').map(due);
  }

  #open({ id }: ToolUse): StandingCall | undefined {
    return this.#calls.find(({ block, state }) => state === 'open' && block.id === id);
  }

  #withdraw(): void {
    const keep = this.message?.content.length ?? 0;
    const withdrawn = this.#calls.filter(({ position }) => position >= keep);
    this.#calls = this.#calls.filter(({ position }) => position < keep);
    for (const call of withdrawn) {
      call.live.end();
      emit(call.due$);
      emit(call.withdrawn$);
      call.controller.abort();
    }
  }
}

function due(call: StandingCall): TurnStep {
  call.state = 'due';
  emit(call.due$);
  return { type: 'run', call };
}

function emit(subject: AsyncSubject<void>): void {
  subject.next();
  subject.complete();
}
