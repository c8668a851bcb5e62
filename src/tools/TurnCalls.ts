import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages/messages';
import { AsyncSubject, Subject } from 'rxjs';
import { type CallStep, CallTracker, type TrackedCall } from '../calls/CallTracker.ts';
import type { AnyBlock } from '../history/blocks.ts';
import { pendingResult } from '../history/sendBack.ts';
import { callsAt, isPausedBy, waitsForResults } from '../history/stopReasons.ts';
import type {
  AnyStreamEvent,
  MessageOf,
  PendingCall,
  SubagentUsage,
} from '../message/StreamEvent.ts';
import { CallFailure } from './CallFailure.ts';
import { LiveInput } from './LiveInput.ts';
import type { Subagent } from './Subagent.ts';
import type { ToolContext, ToolUse } from './Tool.ts';
import type { ResumedSubagent } from './ToolAnswer.ts';

/** What a call waits for that is answered later. */
type DeferredCall = Pick<PendingCall, 'awaits' | 'subagent'>;

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
  /** Emits when it turns out, after the call was started, that its input may not be used. */
  readonly refused$: Subject<CallFailure>;
  /** Why it cannot run. */
  failure?: CallFailure;
  result?: ToolResultBlockParam;
  /** With what its subagent goes on, where that was interrupted in an earlier loop. */
  readonly resumed?: ResumedSubagent;
  /** What follows the values of its tool, once that runs. */
  subagent?: Subagent;
  /** What it waits for, where it is to be answered later. */
  deferred?: DeferredCall | undefined;
}

interface StandingCall extends TurnCall {
  readonly live: LiveInput;
  isDue: boolean;
}

export type TurnStep =
  /** The model begins to write the call. */
  | { readonly type: 'begin'; readonly call: TurnCall }
  /** The call is due: it may run. */
  | { readonly type: 'run'; readonly call: TurnCall };

export interface TurnCallsOptions {
  /** The number of the turn, from 1. */
  turn: number;
  /** Whether a call may start before the reply is whole. */
  isEager: (block: ToolUse) => boolean;
  /** Stop reasons that let calls run, besides `tool_use`. */
  stopReasons?: readonly (string | null)[] | undefined;
}

/**
 * The calls in the reply of one turn, and when each of them may run: when the reply says at its end that
 * it waits for tools; or, where `isEager` says so, when `CallTracker` says that the call is complete.
 */
export class TurnCalls<E extends AnyStreamEvent> {
  readonly #turn: number;
  readonly #isEager: (block: ToolUse) => boolean;
  readonly #stopReasons: ReadonlySet<unknown>;
  readonly #tracker: CallTracker<E>;
  /** Those that stand, in their order. */
  readonly #calls = new Map<TrackedCall<E>, StandingCall>();
  /** Those that stand, and those that were taken back. */
  readonly #begun: StandingCall[] = [];
  #seam: number | undefined;

  constructor(options: TurnCallsOptions) {
    this.#turn = options.turn;
    this.#isEager = options.isEager;
    this.#stopReasons = new Set(options.stopReasons);
    this.#tracker = new CallTracker<E>(options);
  }

  get message(): MessageOf<E> | undefined {
    return this.#tracker.message;
  }

  /** How many blocks came before the reply broke and was carried on, if it was. */
  get seam(): number | undefined {
    return this.#seam;
  }

  /** Whether the reply waits for the results of its calls. */
  get isAnswered(): boolean {
    const stopReason = this.message?.stop_reason;
    return isPausedBy(stopReason) || waitsForResults(stopReason, this.#stopReasons);
  }

  /** The results there are, in the order of the calls; `pendingResult` for a call that is answered later. */
  get results(): AnyBlock[] {
    const { isAnswered } = this;
    return [...this.#calls.values()].flatMap(({ result, deferred, block }) => {
      if (result !== undefined) return result as unknown as AnyBlock;
      return deferred && isAnswered ? pendingResult(block.id) : [];
    });
  }

  /** What a deferred call waits for. */
  deferred(id: unknown): DeferredCall {
    const calls = [...this.#calls.values()];
    const call = calls.find(({ block, deferred }) => deferred && block.id === id);
    return call?.deferred ?? { awaits: 'approval' };
  }

  /** The calls that did not run because the reply did not wait for them. */
  get skipped(): ToolUse[] {
    if (this.isAnswered || callsAt(this.message?.stop_reason) !== 'unexpected') return [];
    return [...this.#calls].flatMap(([{ block }, { isDue, deferred, result }]) =>
      (!isDue || deferred) && !result ? [block as ToolUse] : [],
    );
  }

  /** What the tools of the calls have used, by being subagents. */
  get subagents(): SubagentUsage[] {
    return this.#begun.flatMap(({ subagent }) => subagent?.usage ?? []);
  }

  /** Tells the calls that have no result that nobody waits for one. */
  abandon(): void {
    for (const call of this.#calls.values()) {
      if (call.result === undefined) call.controller.abort();
    }
  }

  /** Takes the next event in. */
  push(event: E): TurnStep[] {
    const steps = this.#tracker.push(event).flatMap((step) => this.#take(step));
    if (event.type === 'resume') {
      // Begun anew, it has no seam.
      this.#seam = event.keep > 0 ? Math.min(this.#seam ?? Infinity, event.keep) : undefined;
    }
    if (event.type === 'message_stop') steps.push(...this.#end());
    return steps;
  }

  #take(step: CallStep<E>): TurnStep[] {
    // An input that belongs to nothing fails the stream before it comes here.
    if (step.type === 'failed') throw step.error;
    if (step.type === 'begin') return [this.#begin(step)];
    const call = this.#calls.get(step.call);
    if (call === undefined) return [];
    switch (step.type) {
      case 'input':
        if (step.isFirst) call.live.restart();
        call.live.push(step.text);
        return [];
      case 'complete':
        call.block = step.call.block as ToolUse;
        call.live.end(call.block.input);
        return this.#isEager(call.block) ? [due(call)] : [];
      case 'invalid': {
        call.block = step.call.block as ToolUse;
        call.live.end();
        call.failure ??= new CallFailure('invalid_input', step.error);
        // One that has its result gets another, which replaces it; one that is deferred gets this.
        if (call.result || call.deferred) {
          call.deferred = undefined;
          return [{ type: 'run', call }];
        }
        if (call.isDue) call.refused$.next(call.failure);
        return [];
      }
      case 'withdrawn':
        this.#calls.delete(step.call);
        withdraw(call);
        return [];
      default:
        return [];
    }
  }

  #begin({ call: tracked, text }: CallStep<E> & { type: 'begin' }): TurnStep {
    const block = tracked.block as ToolUse;
    const live = new LiveInput();
    if (text !== '') live.push(text);
    const controller = new AbortController();
    const { signal } = controller;
    const turn = this.#turn;
    const call: StandingCall = {
      block,
      context: { signal, toolUseId: block.id, turn, partial$: live.partial$ },
      controller,
      due$: new AsyncSubject(),
      withdrawn$: new AsyncSubject(),
      refused$: new Subject(),
      live,
      isDue: false,
    };
    this.#calls.set(tracked, call);
    this.#begun.push(call);
    return { type: 'begin', call };
  }

  #end(): TurnStep[] {
    const steps: TurnStep[] = [];
    for (const [{ state }, call] of this.#calls) {
      call.live.end();
      emit(call.due$);
      const isReady = !call.isDue && (state === 'complete' || state === 'invalid');
      if (isReady && this.isAnswered) steps.push(due(call));
    }
    return steps;
  }
}

function due(call: StandingCall): TurnStep {
  call.isDue = true;
  emit(call.due$);
  return { type: 'run', call };
}

function withdraw(call: StandingCall): void {
  call.live.end();
  emit(call.due$);
  emit(call.withdrawn$);
  call.controller.abort();
}

function emit(subject: AsyncSubject<void>): void {
  subject.next();
  subject.complete();
}
