import { fields } from '../message/record.ts';
import type { ToolEvent } from '../message/StreamEvent.ts';
import type { TracedCall } from '../tools/LoopTracing.ts';
import * as name from './attributes.ts';
import { contentAttribute } from './contentAttributes.ts';
import { errorType } from './errorType.ts';
import type { Attributes, OpenTelemetry, OtelContext, OtelSpan } from './OpenTelemetry.ts';
import type { SpanRecorder, TracedOutcome } from './SpanRecorder.ts';
import { endSpan, startSpan } from './startSpan.ts';

/** Records the run of a tool on a span. */
export class ToolSpan implements SpanRecorder<ToolEvent> {
  readonly context: OtelContext | undefined;
  readonly #span: OtelSpan;
  readonly #hasContent: boolean;
  #result: Attributes | undefined;
  #isEnded = false;

  constructor(otel: OpenTelemetry, parent: OtelContext, call: TracedCall, hasContent: boolean) {
    const attributes = {
      [name.OPERATION]: 'execute_tool',
      [name.TOOL_NAME]: call.name,
      [name.TOOL_TYPE]: 'function',
      [name.TOOL_CALL_ID]: call.id,
      ...(hasContent && contentAttribute(name.TOOL_CALL_ARGUMENTS, call.input)),
    };
    const started = startSpan(otel, `execute_tool ${call.name}`, 'INTERNAL', attributes, parent);
    this.#span = started.span;
    this.context = started.context;
    this.#hasContent = hasContent;
  }

  takeDelta(): boolean {
    return false;
  }

  next(event: ToolEvent): ToolEvent {
    if (event.type === 'tool_result') {
      const { content } = event.result;
      this.#result = this.#hasContent ? contentAttribute(name.TOOL_CALL_RESULT, content) : {};
    }
    return event;
  }

  end(outcome: TracedOutcome, failure?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { status, error } = fields(failure);
    // A reader that unsubscribes after the result has all of it.
    const actual = this.#result ? 'complete' : outcome;
    const type = status === 'failed' ? errorType(error) : status;
    endSpan(this.#span, actual, typeof type === 'string' ? { name: type } : failure, {
      [name.TOOL_STATUS]: this.#result ? 'done' : typeof status === 'string' ? status : undefined,
      ...this.#result,
    });
  }
}
