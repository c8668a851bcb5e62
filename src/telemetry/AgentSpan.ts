import type { AnyAgentMessage } from '../agent/AgentMessage.ts';
import { AgentTurns } from '../agent/AgentTurns.ts';
import { fields, text } from '../message/record.ts';
import * as name from './attributes.ts';
import type { Attributes, OpenTelemetry, OtelContext, OtelSpan } from './OpenTelemetry.ts';
import type { SpanRecorder, TracedOutcome } from './SpanRecorder.ts';
import { endSpan, startSpan } from './startSpan.ts';
import { tokensOf, usageAttributes } from './usageAttributes.ts';

/** Records the messages of Claude Code on a span. */
export class AgentSpan<M extends AnyAgentMessage> implements SpanRecorder<M> {
  readonly context: OtelContext | undefined;
  readonly #span: OtelSpan;
  readonly #turns = new AgentTurns();
  #session: string | undefined;
  #model: string | undefined;
  #result: Readonly<Record<string, unknown>> | undefined;

  constructor(otel: OpenTelemetry, parent: OtelContext, agent: string, attributes: Attributes) {
    const started = startSpan(otel, `invoke_agent ${agent}`, 'CLIENT', attributes, parent);
    this.#span = started.span;
    this.context = started.context;
  }

  takeDelta(message: M): boolean {
    if (message.type !== 'stream_event') return false;
    return fields(fields(message)['event'])['type'] === 'content_block_delta';
  }

  next(message: M): M {
    this.#turns.push(message);
    const { type, session_id, model } = fields(message);
    this.#session ??= text(session_id);
    if (type === 'system') this.#model = text(model) ?? this.#model;
    if (type === 'result') this.#result = fields(message);
    return message;
  }

  end(outcome: TracedOutcome, error?: unknown): void {
    const { failure } = this.#turns;
    const isWhole = outcome === 'unsubscribed' && failure === undefined;
    const isFailed = outcome === 'complete' && failure !== undefined;
    const { num_turns, total_cost_usd, stop_reason, usage } = this.#result ?? {};
    const actual = isFailed ? 'error' : isWhole ? 'complete' : outcome;
    endSpan(this.#span, actual, error ?? failure, {
      [name.CONVERSATION_ID]: this.#session,
      [name.RESPONSE_MODEL]: this.#model,
      [name.STOP_REASON]: text(stop_reason),
      [name.TURNS]: number(num_turns),
      [name.COST]: number(total_cost_usd),
      ...usageAttributes(tokensOf(fields(usage), true), 'gen_ai'),
    });
  }
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
