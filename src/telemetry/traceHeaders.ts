import type { OpenTelemetry } from './OpenTelemetry.ts';
import { checkOtel } from './otelApi.ts';

/**
 * The headers that carry the active context, `traceparent` among them, as the registered propagator
 * writes them.
 *
 * The SDK sends them itself; this is for a client with `openTelemetry: false`, and for `fetch`. Call
 * it when the request is made, inside of what `traceMessage` subscribes.
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
