import { StreamEnd } from '../message/eventKinds.ts';
import { fields } from '../message/record.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import * as name from './attributes.ts';
import type { Attributes, OpenTelemetry, OtelContext, OtelSpan } from './OpenTelemetry.ts';
import type { SpanRecorder, TracedOutcome } from './SpanRecorder.ts';
import { endSpan, startSpan } from './startSpan.ts';
import { tokensOf, usageAttributes } from './usageAttributes.ts';

/** Records a loop of `runTools` on a span. */
export class LoopSpan<T> implements SpanRecorder<T> {
  readonly context: OtelContext | undefined;
  readonly #span: OtelSpan;
  readonly #end = new StreamEnd();
  #isComplete = false;
  #turns = 0;
  #total: unknown;
  #outcome: string | undefined;

  constructor(otel: OpenTelemetry, parent: OtelContext, agent: string, attributes: Attributes) {
    const started = startSpan(otel, `invoke_agent ${agent}`, 'INTERNAL', attributes, parent);
    this.#span = started.span;
    this.context = started.context;
  }

  takeDelta(value: T): boolean {
    return (value as AnyStreamEvent).type === 'content_block_delta';
  }

  next(value: T): T {
    const event = value as AnyStreamEvent;
    this.#isComplete = this.#end.push(event);
    if (event.type === 'turn_end') {
      this.#turns = event.turn;
      this.#total = event.total;
      this.#outcome = event.outcome;
    }
    if (event.type === 'tool_answers' && event.pending) this.#outcome = 'interrupted';
    if (event.type === 'turn_end' || event.type === 'tool_answers') {
      for (const call of event.pending ?? []) {
        this.#span.addEvent('tool_pending', {
          [name.TOOL_NAME]: call.name,
          [name.TOOL_CALL_ID]: call.id,
        });
      }
    }
    // A call that runs has a span of its own; these calls did not run.
    if (event.type === 'tool_result' && /^(invalid|unknown|denied)/.test(event.status)) {
      this.#span.addEvent('tool_result', {
        [name.TOOL_NAME]: event.name,
        [name.TOOL_CALL_ID]: event.tool_use_id,
        [name.TOOL_STATUS]: event.status,
      });
    }
    return value;
  }

  end(outcome: TracedOutcome, error?: unknown): void {
    if (!this.#span.isRecording()) return;
    endSpan(this.#span, this.#isComplete ? 'complete' : outcome, error, {
      [name.TURNS]: this.#turns,
      [name.LOOP_OUTCOME]: this.#isComplete ? this.#outcome : undefined,
      // The spans of the replies have `gen_ai.usage`.
      ...usageAttributes(tokensOf(fields(this.#total), this.#turns > 0), 'claude_rx'),
    });
  }
}
