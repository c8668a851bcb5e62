import type { OtelSpanContext } from './OpenTelemetry.ts';

/** A span's context as the header `traceparent`: https://www.w3.org/TR/trace-context/. */
export function traceparent({ traceId, spanId, traceFlags }: OtelSpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** The context that is written in `value`; `undefined` where none is. */
export function spanContextOf(value: unknown): OtelSpanContext | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(value);
  if (!match) return undefined;
  const [, traceId, spanId, flags] = match;
  return { traceId: traceId!, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16) };
}
