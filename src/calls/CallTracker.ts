import {
  describeStop,
  type InvalidJsonError,
  type InvalidJsonInit,
  invalidToolInput,
} from '../message/InvalidJsonError.ts';
import { JsonText } from '../json/JsonText.ts';
import type { JsonValue } from '../json/JsonValue.ts';
import { type BlockBuilder, unfinishedInput } from '../message/BlockBuilder.ts';
import type { MessageBlocks } from '../message/MessageBlocks.ts';
import { blocksOf, MessageBuilder } from '../message/MessageBuilder.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { asString, fields, type Fields, isRecord } from '../message/record.ts';
import type { AnyStreamEvent, MessageOf, ToolUseOf } from '../message/StreamEvent.ts';
import { callsAt } from '../history/stopReasons.ts';
import { strayInput } from './strayInput.ts';

/** A tool call in a reply, while it is written and after. */
export interface TrackedCall<E extends AnyStreamEvent = AnyStreamEvent> {
  readonly id: string;
  readonly name: string;
  /** The position of its block in the message. */
  readonly position: number;
  /** The block so far; the `input` of a complete call is final. */
  readonly block: ToolUseOf<E>;
  /** `complete`: the call may run. `invalid`: its input must not be used. `withdrawn`: the reply removed it. */
  readonly state: 'open' | 'complete' | 'invalid' | 'withdrawn';
}

/** The effect of an event on a call. */
export type CallStep<E extends AnyStreamEvent = AnyStreamEvent> =
  /** The call starts; `text` is the text of an input that came with the start. */
  | { readonly type: 'begin'; readonly call: TrackedCall<E>; readonly text: string }
  /** More text of the input. The first text replaces an input that came with the start. */
  | {
      readonly type: 'input';
      readonly call: TrackedCall<E>;
      readonly text: string;
      readonly isFirst: boolean;
    }
  /** The call is proven complete, and its input is strict JSON of an object. */
  | { readonly type: 'complete'; readonly call: TrackedCall<E> }
  /**
   * The input must not be used: it is malformed, not an object, may lack a part, or continued after the
   * call was complete.
   */
  | { readonly type: 'invalid'; readonly call: TrackedCall<E>; readonly error: InvalidJsonError }
  /** The reply stopped, and nothing proves that the call is complete. */
  | { readonly type: 'cut'; readonly call: TrackedCall<E>; readonly error: InvalidJsonError }
  /** The reply ended with a stop reason that allows no calls. The input may be complete. */
  | {
      readonly type: 'unexpected';
      readonly call: TrackedCall<E>;
      readonly error: MessageStreamError;
    }
  /** A `resume`, a `fallback` or another message removed the call. */
  | { readonly type: 'withdrawn'; readonly call: TrackedCall<E> }
  /** An input belongs to no block and to no call. */
  | { readonly type: 'failed'; readonly error: MessageStreamError };

const NONE: readonly never[] = [];
/** The start of the message for a late subscriber, who has missed `message_start`. */
const LATE = { type: 'message_start', message: {} };

class Call<E extends AnyStreamEvent> implements TrackedCall<E> {
  readonly id: string;
  readonly name: string;
  readonly builder: BlockBuilder;
  readonly position: number;
  state: TrackedCall['state'] = 'open';
  isCut = false;
  hasText = false;

  constructor(builder: BlockBuilder, position: number) {
    this.builder = builder;
    this.position = position;
    const { id, name } = builder.block;
    this.id = String(id);
    this.name = String(name);
  }

  get block(): ToolUseOf<E> {
    return this.builder.block as unknown as ToolUseOf<E>;
  }

  /** The input, if it is strict JSON. */
  get value(): JsonValue | undefined {
    const { block } = this.builder;
    return unfinishedInput in block ? undefined : (block['input'] as JsonValue);
  }

  /** The text of the input; for a parsed input, its JSON. */
  get text(): string {
    const { input, [unfinishedInput]: text = JSON.stringify(input) } = this.builder.block;
    return String(text);
  }
}

/** The input of a call, parsed as far as possible. */
function jsonOf({ text }: { text: string }): JsonText {
  const json = new JsonText();
  json.push(text);
  return json;
}

function described(value: JsonValue): string {
  if (Array.isArray(value)) return 'a list';
  return value === null ? 'null' : `a ${typeof value}`;
}

export interface CallTrackerOptions {
  /** Stop reasons besides `tool_use` after which calls run; `null`: a reply without one. Default: none. */
  stopReasons?: readonly (string | null)[] | undefined;
}

/**
 * Follows the tool calls in a reply, and decides when each call may run. No other code decides this;
 * `MessageBlocks` decides which block an event belongs to.
 *
 * 1. A call is complete when its own `content_block_stop` has arrived and a later event proves it: a
 *    block that starts after that stop, or a stop reason that lets calls run. Such a stop reason alone
 *    is enough, for gateways that send no stops. Its own stop is no proof, because a reply that is cut
 *    off closes its last block too (SDK src/lib/internal/BetaToolRunnerStream.ts), and the start of
 *    another block proves nothing about a call that has not stopped.
 * 2. The text of the call must be strict JSON of an object at that moment. If it is not when a later block
 *    starts, the call waits for the end of the reply.
 * 3. More input after the stop reopens the call. More input after the call was complete makes it invalid.
 * 4. A `fallback` discards incomplete calls: the refusal before it may have cut them.
 * 5. An input that belongs to no block, or cannot be read, makes all incomplete calls invalid; without such
 *    a call, the reply fails.
 * 6. For the effect of each stop reason, see `stopReasons.ts`.
 */
export class CallTracker<E extends AnyStreamEvent> {
  readonly #builder = new MessageBuilder<E>();
  readonly #blocks: MessageBlocks = blocksOf(this.#builder as never);
  readonly #stopReasons: ReadonlySet<unknown>;
  readonly #calls = new Map<BlockBuilder, Call<E>>();
  /** The open calls, in their order. */
  readonly #open = new Set<Call<E>>();
  /** The calls whose stop has arrived since the last start of a block. */
  #stopped: Call<E>[] = [];
  /** How many blocks have been processed; `#first` is the first of them. */
  #known = 0;
  #first: BlockBuilder | undefined;
  #stray: unknown;
  /** The message for errors of its calls; set when the builder starts another message. */
  #replaced: { message?: MessageOf<E> | undefined } = {};
  /** Whether `message_start` has arrived: a late subscriber may have missed it and starts of blocks. */
  #hasStart = false;
  #hasBegun = false;

  constructor({ stopReasons = [] }: CallTrackerOptions = {}) {
    this.#stopReasons = new Set(stopReasons);
  }

  /** The blocks of the reply. */
  get blocks(): MessageBlocks {
    return this.#blocks;
  }

  get message(): MessageOf<E> | undefined {
    return this.#hasStart ? this.#builder.message : undefined;
  }

  /** Processes the next event. */
  push(event: E): readonly CallStep<E>[] {
    const { type } = event;
    if (type === 'message_start' || type === 'resume') this.#keepMessage();
    if (type === 'message_start') this.#hasStart = true;
    else if (!this.#hasBegun) this.#builder.push(LATE as unknown as E);
    this.#hasBegun = true;
    this.#builder.push(event);
    if (this.#blocks.stray !== this.#stray) return this.#lost();
    switch (type) {
      case 'content_block_start':
        return this.#blocks.all.length === this.#known ? NONE : this.#started();
      case 'content_block_delta':
        return this.#written(event as unknown as Fields);
      case 'content_block_stop':
        return this.#stoppedBlock();
      case 'message_delta':
        return event.delta?.stop_reason ? this.#stoppedReply(event.delta.stop_reason) : NONE;
      case 'message_stop':
        return this.#over();
      case 'message_start':
      case 'resume':
        return this.#withdrawn();
      default:
        return NONE;
    }
  }

  /** Ends the open calls when the stream has ended without `message_stop`. */
  end(): readonly CallStep<E>[] {
    const steps: CallStep<E>[] = [];
    for (const call of this.#open) {
      // The reply continued after this call, so the call was not cut.
      if (call.builder.isFollowed && !isRecord(call.value)) steps.push(this.#refuse(call));
    }
    return [...steps, ...this.#cut(undefined, 'the stream ended before message_stop')];
  }

  #started(): CallStep<E>[] {
    const steps: CallStep<E>[] = [];
    const isFallback = this.#blocks.all[this.#known]?.kind === 'fallback';
    if (isFallback) for (const call of this.#open) steps.push(this.#end(call, 'withdrawn'));
    for (const call of this.#stopped) {
      // An incomplete call waits for the end of the reply.
      const isProven = call.state === 'open' && call.builder.isFollowed && isRecord(call.value);
      if (isProven) steps.push(this.#end(call, 'complete'));
    }
    this.#stopped = [];
    this.#begin(steps);
    return steps;
  }

  #begin(steps: CallStep<E>[]): void {
    this.#first = this.#blocks.all[0];
    for (; this.#known < this.#blocks.all.length; this.#known++) {
      const builder = this.#blocks.all[this.#known]!;
      if (builder.kind !== 'tool_use') continue;
      const call = new Call<E>(builder, this.#known);
      this.#calls.set(builder, call);
      this.#open.add(call);
      const { input } = call.block;
      const isPlaceholder = unfinishedInput in call.block;
      steps.push({ type: 'begin', call, text: isPlaceholder ? '' : JSON.stringify(input) });
    }
  }

  #written({ delta }: Fields): readonly CallStep<E>[] {
    const { touched, all } = this.#blocks;
    if (all.length !== this.#known) return this.#started();
    if (touched?.kind !== 'tool_use') return NONE;
    const call = this.#calls.get(touched);
    const { type, partial_json } = fields(delta);
    const text = type === 'input_json_delta' ? asString(partial_json) : '';
    if (call === undefined || text === '') return NONE;
    if (call.state === 'open') {
      const isFirst = !call.hasText;
      call.hasText = true;
      return [{ type: 'input', call, text, isFirst }];
    }
    if (call.state !== 'complete') return NONE;
    return [this.#invalid(call, 'continued after the call was complete')];
  }

  #stoppedBlock(): readonly CallStep<E>[] {
    const { touched } = this.#blocks;
    const call = touched && this.#calls.get(touched);
    if (call) this.#stopped.push(call);
    return NONE;
  }

  /** Handles a stop reason, which may not be the last one. */
  #stoppedReply(stopReason: string | undefined): readonly CallStep<E>[] {
    const isDue = callsAt(stopReason) === 'run' || this.#stopReasons.has(stopReason ?? null);
    return isDue ? this.#settle() : this.#cut(stopReason);
  }

  #over(): readonly CallStep<E>[] {
    const stopReason = this.message?.stop_reason ?? undefined;
    const steps = [...this.#stoppedReply(stopReason)];
    if (callsAt(stopReason) === 'unexpected') {
      for (const call of this.#open) {
        steps.push({ type: 'unexpected', call, error: this.#unexpected(call, stopReason) });
      }
    }
    // The next message of the source may start now; it withdraws none of these calls.
    this.#calls.clear();
    this.#open.clear();
    this.#stopped = [];
    return steps;
  }

  /** Ends all open calls: the reply is complete. */
  #settle(): CallStep<E>[] {
    return [...this.#open].map((call): CallStep<E> => {
      return isRecord(call.value) ? this.#end(call, 'complete') : this.#refuse(call);
    });
  }

  #cut(stopReason: string | undefined, why = describeStop(stopReason)): CallStep<E>[] {
    const cut = [...this.#open].filter((call) => !call.isCut);
    return cut.map((call) => {
      call.isCut = true;
      return { type: 'cut', call, error: this.#error(call, `may be cut: ${why}`, { stopReason }) };
    });
  }

  /** Handles an input, or a stop, that belongs to no block. */
  #lost(): CallStep<E>[] {
    const { stray } = this.#blocks;
    this.#stray = stray;
    if (stray === undefined || !this.#hasStart) return [];
    if (stray.isLost) return [{ type: 'failed', error: strayInput(stray, this.message) }];
    const calls = stray.calls.map((builder) => this.#calls.get(builder));
    return calls
      .filter((call) => call?.state === 'open')
      .map((call) =>
        this.#invalid(
          call!,
          `may lack a part: an input or a stop came for block ${String(stray.index)} that belongs to no call, or cannot be read`,
        ),
      );
  }

  #withdrawn(): CallStep<E>[] {
    const steps: CallStep<E>[] = [];
    for (const [builder, call] of this.#calls) {
      if (this.#blocks.all[call.position] === builder) continue;
      this.#calls.delete(builder);
      if (call.state !== 'withdrawn') steps.push(this.#end(call, 'withdrawn'));
    }
    const isSameMessage = this.#blocks.all[0] === this.#first;
    this.#known = isSameMessage ? Math.min(this.#known, this.#blocks.all.length) : 0;
    this.#begin(steps);
    return steps;
  }

  #end(call: Call<E>, state: 'complete' | 'withdrawn'): CallStep<E> {
    call.state = state;
    this.#open.delete(call);
    return { type: state, call };
  }

  /** Makes a call invalid whose input is not JSON of an object. */
  #refuse(call: Call<E>): CallStep<E> {
    const { value } = call;
    if (value !== undefined) {
      return this.#invalid(call, `is ${described(value)}, not an object`);
    }
    try {
      jsonOf(call).end();
    } catch (cause) {
      return this.#invalid(call, `is not valid JSON: ${(cause as Error).message}`, cause);
    }
    return this.#invalid(call, 'may lack a part');
  }

  #invalid(call: Call<E>, problem: string, cause?: unknown): CallStep<E> {
    call.state = 'invalid';
    this.#open.delete(call);
    return { type: 'invalid', call, error: this.#error(call, problem, { cause }) };
  }

  #error(
    call: Call<E>,
    problem: string,
    init: Pick<InvalidJsonInit, 'cause' | 'stopReason'>,
  ): InvalidJsonError {
    const { text, value } = jsonOf(call);
    return invalidToolInput(call, problem, { text, value, ...init, partial: this.#partial() });
  }

  /** A function, because many calls may be invalid, and building the message costs as much as it has blocks. */
  #partial(): () => MessageOf<E> | undefined {
    const replaced = this.#replaced;
    return () => ('message' in replaced ? replaced.message : this.message);
  }

  #keepMessage(): void {
    this.#replaced.message = this.message;
    this.#replaced = {};
  }

  #unexpected(call: Call<E>, stopReason: string | undefined): MessageStreamError {
    if (!isRecord(call.value))
      return this.#error(call, `may be cut: ${describeStop(stopReason)}`, { stopReason });
    return new MessageStreamError(
      `The reply has a call of ${call.name} (${call.id}), but ${describeStop(stopReason)} and not at ` +
        'tool_use, so the call does not run: if your gateway waits for its result, add the stop ' +
        'reason to the option `stopReasons`',
      { code: 'protocol', partial: this.#partial() as never },
    );
  }
}
