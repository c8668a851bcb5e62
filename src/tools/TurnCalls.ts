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

/** What a deferred call waits for. */
type DeferredCall = Pick<PendingCall, 'awaits' | 'subagent'>;

/** A call in the reply of a turn. */
export interface TurnCall {
  /** The block at its start, replaced by the complete block. */
  block: ToolUse;
  readonly context: ToolContext;
  /** The controller of `context.signal`. */
  readonly controller: AbortController;
  /** Emits when the call may run, or when it is certain that it will not run. */
  readonly due$: AsyncSubject<void>;
  /** Emits when the call is withdrawn, and at once if it already was. */
  readonly withdrawn$: AsyncSubject<void>;
  /** Emits when the input turns out to be invalid after the call was started. */
  readonly refused$: Subject<CallFailure>;
  /** Why the call cannot run. */
  failure?: CallFailure;
  result?: ToolResultBlockParam;
  /** The values with which its subagent continues, if an earlier loop was interrupted. */
  readonly resumed?: ResumedSubagent;
  /** Follows the values of its tool, once the tool runs. */
  subagent?: Subagent;
  /** What the call waits for, if it is deferred. */
  deferred?: DeferredCall | undefined;
}

interface StandingCall extends TurnCall {
  readonly live: LiveInput;
  isDue: boolean;
}

export type TurnStep =
  /** The model starts to write the call. */
  | { readonly type: 'begin'; readonly call: TurnCall }
  /** The call may run. */
  | { readonly type: 'run'; readonly call: TurnCall };

export interface TurnCallsOptions {
  /** The number of the turn, from 1. */
  turn: number;
  /** Whether a call may run before the reply is complete. */
  isEager: (block: ToolUse) => boolean;
  /** Stop reasons that let calls run, besides `tool_use`. */
  stopReasons?: readonly (string | null)[] | undefined;
}

/**
 * The calls in the reply of one turn. A call may run when the stop reason shows that the reply waits for
 * tools; with `isEager`, as soon as `CallTracker` has found the call complete.
 */
export class TurnCalls<E extends AnyStreamEvent> {
  readonly #turn: number;
  readonly #isEager: (block: ToolUse) => boolean;
  readonly #stopReasons: ReadonlySet<unknown>;
  readonly #tracker: CallTracker<E>;
  /** The calls that are not withdrawn, in their order. */
  readonly #calls = new Map<TrackedCall<E>, StandingCall>();
  /** All calls, also those that were withdrawn. */
  readonly #begun: StandingCall[] = [];
  /** The first call with each id. */
  readonly #firstWith = new Map<string, StandingCall>();
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

  /** How many blocks had arrived before the reply broke and was continued, if it was. */
  get seam(): number | undefined {
    return this.#seam;
  }

  /** Whether the reply waits for the results of its calls. */
  get isAnswered(): boolean {
    const stopReason = this.message?.stop_reason;
    return isPausedBy(stopReason) || waitsForResults(stopReason, this.#stopReasons);
  }

  /** The results so far, in the order of the calls; `pendingResult` for a deferred call. */
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

  /** The usage of those calls that are subagents. */
  get subagents(): SubagentUsage[] {
    return this.#begun.flatMap(({ subagent }) => subagent?.usage ?? []);
  }

  /** Aborts the calls that have no result. */
  abandon(): void {
    for (const call of this.#calls.values()) {
      if (call.result === undefined) call.controller.abort();
    }
  }

  /** Processes the next event. */
  push(event: E): TurnStep[] {
    const steps = this.#tracker.push(event).flatMap((step) => this.#take(step));
    if (event.type === 'resume') {
      // A reply that starts again has no seam.
      this.#seam = event.keep > 0 ? Math.min(this.#seam ?? Infinity, event.keep) : undefined;
    }
    if (event.type === 'message_stop') steps.push(...this.#end());
    return steps;
  }

  #take(step: CallStep<E>): TurnStep[] {
    // Input that belongs to no call fails the stream before this point.
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
        // Calls that share an id run in their order: see `sameIdSequence`.
        return this.#firstWith.get(call.block.id) === call && this.#isEager(call.block)
          ? [due(call)]
          : [];
      case 'invalid': {
        call.block = step.call.block as ToolUse;
        call.live.end();
        call.failure ??= new CallFailure('invalid_input', step.error);
        // A call that has a result gets this error instead, and so does a deferred call.
        if (call.result || call.deferred) {
          call.deferred = undefined;
          return [{ type: 'run', call }];
        }
        if (call.isDue) call.refused$.next(call.failure);
        return [];
      }
      case 'withdrawn':
        this.#calls.delete(step.call);
        if (this.#firstWith.get(call.block.id) === call) this.#firstWith.delete(call.block.id);
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
    if (!this.#firstWith.has(block.id)) this.#firstWith.set(block.id, call);
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
