import type { OtelSpanContext } from './OpenTelemetry.ts';

/** The context of a span as a `traceparent` header: https://www.w3.org/TR/trace-context/. */
export function traceparent({ traceId, spanId, traceFlags }: OtelSpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** The span context in a `traceparent` value; `undefined` if the value has none. */
export function spanContextOf(value: unknown): OtelSpanContext | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(value);
  if (!match) return undefined;
  const [, traceId, spanId, flags] = match;
  return { traceId: traceId!, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16) };
}
