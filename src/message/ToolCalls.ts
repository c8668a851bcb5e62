import { JsonText } from '../json/JsonText.ts';
import type { JsonValue } from '../json/JsonValue.ts';
import { describeIssues, type StandardIssue } from '../json/StandardSchema.ts';
import {
  describeStop,
  type InvalidJsonError,
  type InvalidJsonInit,
  invalidToolInput,
} from './InvalidJsonError.ts';
import { MessageBuilder } from './MessageBuilder.ts';
import type { AnyStreamEvent } from './StreamEvent.ts';

/** A call of a tool, while its input is written and after. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** The text of its input. */
  json: JsonText;
}

/** What has happened to a call. */
export type ToolCallStep = { readonly call: ToolCall } & (
  | { readonly type: 'progress' }
  /** It is proven complete, and its input is strict JSON. */
  | { readonly type: 'complete'; readonly input: JsonValue }
  /** Its input was cut, or is no JSON. */
  | { readonly type: 'invalid'; readonly error: InvalidJsonError }
  /** A `resume`, a `fallback` or another message took it back. */
  | { readonly type: 'withdrawn' }
);

interface OpenCall {
  call: ToolCall;
  /** The `index` of its deltas. */
  index: number;
  position: number;
  /** Whether its input came with its start. */
  isWhole: boolean;
}

/**
 * Follows the calls of one tool in a reply.
 *
 * That a call is complete is proven by the start of the next block, or by the stop reason
 * `tool_use`, and not by its own stop: SDK src/lib/internal/BetaToolRunnerStream.ts.
 */
export class ToolCalls {
  readonly #name: string;
  readonly #builder: MessageBuilder<AnyStreamEvent> = new MessageBuilder<AnyStreamEvent>();
  /** The calls that stand, by their position in the message. */
  readonly #calls = new Map<number, ToolCall>();
  /** The call that is neither proven complete yet, nor cut. */
  #open: OpenCall | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Takes the next event in. */
  push(event: AnyStreamEvent): ToolCallStep[] {
    this.#builder.push(event);
    switch (event.type) {
      case 'content_block_start': {
        const { index, content_block: block } = event;
        // The refusal before a fallback may have cut the call.
        const before = block?.type === 'fallback' ? this.#takeBack() : this.#complete();
        return [...before, ...this.#begin(index, block)];
      }
      case 'content_block_delta':
        return this.#fill(event.index, event.delta);
      case 'message_delta':
        if (event.delta?.stop_reason === 'tool_use') return this.#complete();
        return event.delta?.stop_reason ? this.#cut(event.delta.stop_reason) : [];
      case 'message_stop':
        this.#calls.clear();
        return this.#cut(this.#builder.message?.stop_reason);
      case 'message_start':
      case 'resume':
        return this.#withdraw(this.#builder.message?.content.length ?? 0);
      default:
        return [];
    }
  }

  /** Ends a call that the stream has cut. */
  end(): ToolCallStep[] {
    return this.#invalid('may be cut: the stream ended before message_stop');
  }

  /** The error for an input that the schema refuses. */
  refused(call: ToolCall, value: unknown, issues: readonly StandardIssue[]): InvalidJsonError {
    const problem = `is not what the schema wants: ${describeIssues(issues)}`;
    return this.#error(call, problem, { value, issues });
  }

  #begin(index: number, block: unknown): ToolCallStep[] {
    const { type, id, name, input } = (block ?? {}) as Record<string, unknown>;
    if (type !== 'tool_use' || name !== this.#name) return [];
    const call = { id: String(id), name, json: new JsonText() };
    const position = Math.max(0, (this.#builder.message?.content.length ?? 0) - 1);
    // Some gateways send the input with the start.
    const isWhole = Object.keys(input ?? {}).length > 0;
    if (isWhole) call.json.push(JSON.stringify(input));
    this.#open = { call, index, position, isWhole };
    this.#calls.set(position, call);
    return [{ type: 'progress', call }];
  }

  #fill(index: number, delta: { type?: string; partial_json?: unknown }): ToolCallStep[] {
    const open = this.#open;
    if (open?.index !== index || delta?.type !== 'input_json_delta') return [];
    if (typeof delta.partial_json !== 'string' || delta.partial_json === '') return [];
    // It comes again, and replaces the one of the start: as in MessageBuilder.
    if (open.isWhole) open.call.json = new JsonText();
    open.isWhole = false;
    open.call.json.push(delta.partial_json);
    return [{ type: 'progress', call: open.call }];
  }

  #complete(): ToolCallStep[] {
    const call = this.#open?.call;
    if (call === undefined) return [];
    // One without any text has no arguments.
    if (call.json.text === '') call.json.push('{}');
    try {
      const input = call.json.end();
      this.#open = undefined;
      return [{ type: 'complete', call, input }];
    } catch (cause) {
      return this.#invalid(`is not valid JSON: ${(cause as Error).message}`, { cause });
    }
  }

  #cut(stopReason: string | null | undefined): ToolCallStep[] {
    const problem = `may be cut: ${describeStop(stopReason)}`;
    return this.#invalid(problem, { stopReason: stopReason ?? undefined });
  }

  #invalid(problem: string, init: Partial<InvalidJsonInit> = {}): ToolCallStep[] {
    const call = this.#open?.call;
    this.#open = undefined;
    return call ? [{ type: 'invalid', call, error: this.#error(call, problem, init) }] : [];
  }

  /** Withdraws the call that is not proven complete. */
  #takeBack(): ToolCallStep[] {
    return this.#open ? this.#withdraw(this.#open.position) : [];
  }

  /** Withdraws the calls from this position on. */
  #withdraw(keep: number): ToolCallStep[] {
    if (this.#open && this.#open.position >= keep) this.#open = undefined;
    const withdrawn = [...this.#calls].filter(([position]) => position >= keep);
    return withdrawn.map(([position, call]) => {
      this.#calls.delete(position);
      return { type: 'withdrawn', call };
    });
  }

  #error(call: ToolCall, problem: string, init: Partial<InvalidJsonInit>): InvalidJsonError {
    const { text, value } = call.json;
    const partial = this.#builder.message;
    return invalidToolInput(call, problem, { text, value, ...init, partial });
  }
}
