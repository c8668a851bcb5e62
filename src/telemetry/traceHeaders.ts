import type { OpenTelemetry } from './OpenTelemetry.ts';
import { checkOtel } from './otelApi.ts';

/**
 * The headers that carry the active context, such as `traceparent`, from the registered propagator.
 *
 * The SDK sends these headers itself. Use this function for a client with `openTelemetry: false`, and
 * for `fetch`. Call it when the request is made: inside `defer`, in the source of `traceMessage`.
 *
 * @throws TypeError when `otel` is not the API of OpenTelemetry.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import * as otel from '@opentelemetry/api';
 * import { fromMessages } from 'claude-rx';
 * import { traceHeaders, traceMessage } from 'claude-rx/telemetry';
 * import { defer } from 'rxjs';
 *
 * const client = new Anthropic({ openTelemetry: false });
 * const reply = (params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   defer(() => fromMessages(client, params, { request: { headers: traceHeaders(otel) } })).pipe(
 *     traceMessage(otel, { model: params.model }),
 *   );
 * ```
 */
export function traceHeaders(otel: OpenTelemetry): Record<string, string> {
  checkOtel('traceHeaders', otel);
  const headers: Record<string, string> = {};
  otel.propagation.inject(otel.context.active(), headers);
  return headers;
}
