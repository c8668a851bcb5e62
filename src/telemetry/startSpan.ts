import type { Attributes, OpenTelemetry, OtelContext, OtelSpan } from './OpenTelemetry.ts';
import { KIND, SCOPE, STATUS } from './otelApi.ts';
import { ERROR_TYPE, OUTCOME } from './attributes.ts';
import { errorType } from './errorType.ts';
import type { TracedOutcome } from './SpanRecorder.ts';

export interface StartedSpan {
  readonly span: OtelSpan;
  /** The context of the span; `undefined` if there is nothing to record or to propagate. */
  readonly context: OtelContext | undefined;
}

/** Starts a span as a child of `parent`. */
export function startSpan(
  otel: OpenTelemetry,
  name: string,
  kind: keyof typeof KIND,
  attributes: Attributes,
  parent: OtelContext,
): StartedSpan {
  const span = otel.trace
    .getTracer(SCOPE)
    .startSpan(name, { kind: KIND[kind], attributes }, parent);
  // A span that is not sampled still has an id, and requests must propagate it.
  const isOfUse = span.isRecording() || !/^0*$/.test(span.spanContext().traceId);
  return { span, context: isOfUse ? otel.trace.setSpan(parent, span) : undefined };
}

/**
 * Ends a span. Its status is OK after a completion, ERROR with the type of the error after an error,
 * and unset after an unsubscribe.
 */
export function endSpan(
  span: OtelSpan,
  outcome: TracedOutcome,
  error: unknown,
  attributes: Attributes,
): void {
  span.setAttributes({ ...attributes, [OUTCOME]: outcome });
  if (outcome === 'complete') span.setStatus({ code: STATUS.OK });
  if (outcome === 'error') {
    // Only the type: the error's message may quote content.
    span.setAttributes({ [ERROR_TYPE]: errorType(error) });
    span.setStatus({ code: STATUS.ERROR });
  }
  span.end();
}
