import type { OpenTelemetry } from './OpenTelemetry.ts';

// The numeric constants of the API, as exported with every span.
export const KIND = { INTERNAL: 0, CLIENT: 2 } as const;
export const STATUS = { OK: 1, ERROR: 2 } as const;

/** The name of the tracer and the meter. */
export const SCOPE = 'claude-rx';

/** Throws a TypeError if `otel` is not the API of OpenTelemetry. */
export function checkOtel(who: string, otel: OpenTelemetry): void {
  if (typeof otel?.trace?.getTracer === 'function' && typeof otel.context?.with === 'function') {
    return;
  }
  throw new TypeError(
    `${who}: the first argument must be the API of OpenTelemetry: ` +
      "`import * as otel from '@opentelemetry/api'`",
  );
}
