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

/** A call of a tool in a reply, while it is written and after. */
export interface TrackedCall<E extends AnyStreamEvent = AnyStreamEvent> {
  readonly id: string;
  readonly name: string;
  /** The position of its block in the message. */
  readonly position: number;
  /** The block as it is now; of a complete call its `input` is final. */
  readonly block: ToolUseOf<E>;
  /** `complete`: it may run. `invalid`: its input may not be used. `withdrawn`: it was taken back. */
  readonly state: 'open' | 'complete' | 'invalid' | 'withdrawn';
}

/** What an event has done to a call. */
export type CallStep<E extends AnyStreamEvent = AnyStreamEvent> =
  /** It begins; `text` is the text of an input that came with the start. */
  | { readonly type: 'begin'; readonly call: TrackedCall<E>; readonly text: string }
  /** More of the text of its input. The first text replaces an input that came with the start. */
  | {
      readonly type: 'input';
      readonly call: TrackedCall<E>;
      readonly text: string;
      readonly isFirst: boolean;
    }
  /** It is proven complete, and its input is strict JSON of an object. */
  | { readonly type: 'complete'; readonly call: TrackedCall<E> }
  /**
   * Its input may not be used: it is malformed, no object, may lack a part, or went on after the call
   * was complete.
   */
  | { readonly type: 'invalid'; readonly call: TrackedCall<E>; readonly error: InvalidJsonError }
  /** The reply stopped, and nothing proves that the call is complete. */
  | { readonly type: 'cut'; readonly call: TrackedCall<E>; readonly error: InvalidJsonError }
  /** The reply is over, and nothing says what is to become of the call. Its input may be complete. */
  | {
      readonly type: 'unexpected';
      readonly call: TrackedCall<E>;
      readonly error: MessageStreamError;
    }
  /** A `resume`, a `fallback` or another message took it back. */
  | { readonly type: 'withdrawn'; readonly call: TrackedCall<E> }
  /** An input belongs to no block, and to none of the calls. */
  | { readonly type: 'failed'; readonly error: MessageStreamError };

const NONE: readonly never[] = [];
/** Begins the message of a stream whose start was missed. */
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

  /** Its input, if that is strict JSON. */
  get value(): JsonValue | undefined {
    const { block } = this.builder;
    return unfinishedInput in block ? undefined : (block['input'] as JsonValue);
  }

  /** The text of its input; of one that was parsed, its JSON. */
  get text(): string {
    const { input, [unfinishedInput]: text = JSON.stringify(input) } = this.builder.block;
    return String(text);
  }
}

/** The text of its input, as far as it can be read. */
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
  /** Stop reasons that let calls run besides `tool_use`; `null` for a reply without one. */
  stopReasons?: readonly (string | null)[] | undefined;
}

/**
 * Follows the calls of tools in a reply, and says when each of them may run. This is the one place
 * where that is decided; which block an event belongs to is decided in `MessageBlocks`.
 *
 * 1. A call is complete when its own `content_block_stop` has come and a later event proves it: a
 *    block that starts after that stop, or a stop reason that lets calls run. Such a stop reason alone
 *    is enough, for gateways that send no stops. Its own stop is no proof, because a reply that is cut
 *    off closes its last block too (SDK src/lib/internal/BetaToolRunnerStream.ts), and the start of
 *    another block proves nothing about a call that has not stopped.
 * 2. Its text must be strict JSON of an object at that moment. One that is not when a later block
 *    starts waits for the end of the reply.
 * 3. More input after the stop reopens the call. After the call was complete, it is an error of it.
 * 4. A `fallback` discards the calls that are not complete: the refusal before it may have cut them.
 * 5. An input that belongs to no block makes all calls invalid that are not complete; without any, the
 *    reply has failed.
 * 6. `stopReasons.ts` says what a stop reason does.
 */
export class CallTracker<E extends AnyStreamEvent> {
  readonly #builder = new MessageBuilder<E>();
  readonly #blocks: MessageBlocks = blocksOf(this.#builder as never);
  readonly #stopReasons: ReadonlySet<unknown>;
  readonly #calls = new Map<BlockBuilder, Call<E>>();
  /** Those that are open, in their order. */
  readonly #open = new Set<Call<E>>();
  /** Those that have stopped since the last start. */
  #stopped: Call<E>[] = [];
  /** How many blocks have been seen, and the first of them. */
  #known = 0;
  #first: BlockBuilder | undefined;
  #stray: unknown;
  /** The message for the errors of its calls, once it is not the one that is built any more. */
  #replaced: { message?: MessageOf<E> | undefined } = {};
  /** Whether the reply has begun: a late subscriber has missed the starts of blocks. */
  #hasStart = false;
  #hasBegun = false;

  constructor({ stopReasons = [] }: CallTrackerOptions = {}) {
    this.#stopReasons = new Set(stopReasons);
  }

  /** The blocks of the reply: for what follows them one by one. */
  get blocks(): MessageBlocks {
    return this.#blocks;
  }

  get message(): MessageOf<E> | undefined {
    return this.#hasStart ? this.#builder.message : undefined;
  }

  /** Takes the next event in. */
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

  /** Ends the calls of a stream that has ended without `message_stop`. */
  end(): readonly CallStep<E>[] {
    const steps: CallStep<E>[] = [];
    for (const call of this.#open) {
      // More of the reply has come after it, so that it was not cut.
      if (call.builder.isFollowed && !isRecord(call.value)) steps.push(this.#refuse(call));
    }
    return [...steps, ...this.#cut(undefined, 'the stream ended before message_stop')];
  }

  #started(): CallStep<E>[] {
    const steps: CallStep<E>[] = [];
    const isFallback = this.#blocks.all[this.#known]?.kind === 'fallback';
    if (isFallback) for (const call of this.#open) steps.push(this.#end(call, 'withdrawn'));
    for (const call of this.#stopped) {
      // One that is not whole waits for the end of the reply.
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
    return [this.#invalid(call, 'went on after the call was complete')];
  }

  #stoppedBlock(): readonly CallStep<E>[] {
    const { touched } = this.#blocks;
    const call = touched && this.#calls.get(touched);
    if (call) this.#stopped.push(call);
    return NONE;
  }

  /** A stop reason has come, perhaps not the last. */
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
    // The next message of the source may begin now, and takes none of them back.
    this.#calls.clear();
    this.#open.clear();
    this.#stopped = [];
    return steps;
  }

  /** All that was to come has come. */
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

  /** An input, or a stop, that belongs to no block. */
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
          `may lack a part: the block ${String(stray.index)} of some input, or of a stop, is not there`,
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

  /** Its input is not JSON of an object. */
  #refuse(call: Call<E>): CallStep<E> {
    const { value } = call;
    if (value !== undefined) {
      return this.#invalid(call, `is ${described(value)}, and not an object`);
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

  /** Many calls may be invalid, and to make the message for each would cost as much as it has blocks. */
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
        'tool_use, so that nobody waits for its result: if your gateway means it so, name the stop ' +
        'reason in the option `stopReasons`',
      { code: 'protocol', partial: this.#partial() as never },
    );
  }
}
