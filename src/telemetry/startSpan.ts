import type { Attributes, OpenTelemetry, OtelContext, OtelSpan } from './OpenTelemetry.ts';
import { KIND, SCOPE, STATUS } from './otelApi.ts';
import { ERROR_TYPE, OUTCOME } from './attributes.ts';
import { errorType } from './errorType.ts';
import type { TracedOutcome } from './SpanRecorder.ts';

export interface StartedSpan {
  readonly span: OtelSpan;
  /** That of the span; `undefined` where nothing is recorded, nor to be propagated. */
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
  // A span that was not sampled still has an id, which requests are to carry.
  const isOfUse = span.isRecording() || !/^0*$/.test(span.spanContext().traceId);
  return { span, context: isOfUse ? otel.trace.setSpan(parent, span) : undefined };
}

/**
 * Ends a span: OK after a completion, ERROR with the type of the error, and unset after an
 * unsubscribe, which is neither.
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
    // The type alone: a message may quote the content.
    span.setAttributes({ [ERROR_TYPE]: errorType(error) });
    span.setStatus({ code: STATUS.ERROR });
  }
  span.end();
}
