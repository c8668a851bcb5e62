import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { ATTEMPT, ERROR_TYPE, SECONDS } from './attributes.ts';
import { errorType } from './errorType.ts';
import type { OpenTelemetry } from './OpenTelemetry.ts';
import { checkOtel } from './otelApi.ts';

/** The argument of the callback `onRetry`. */
export interface RetriedAttempt {
  readonly attempt: number;
  readonly error: MessageStreamError;
  /** The wait before the attempt, in milliseconds. */
  readonly delay: number;
}

/**
 * Returns an `onRetry` callback for `retryResumable` that records each further attempt as a `retry`
 * event on the active span: the span of the `traceMessage` behind it. The span event `resume` alone
 * would not show an attempt that failed before any event had arrived.
 *
 * @throws TypeError when `otel` is not the API of OpenTelemetry.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import * as otel from '@opentelemetry/api';
 * import { continueFrom, fromMessages, retryResumable } from 'claude-rx';
 * import { recordRetry, traceMessage } from 'claude-rx/telemetry';
 *
 * const reply = (client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   fromMessages(client, params).pipe(
 *     retryResumable({
 *       resume: ({ partial }) => fromMessages(client, continueFrom(params, partial)),
 *       onRetry: recordRetry(otel),
 *     }),
 *     traceMessage(otel, { model: params.model }),
 *   );
 * ```
 */
export function recordRetry(otel: OpenTelemetry): (context: RetriedAttempt) => void {
  checkOtel('recordRetry', otel);
  return ({ attempt, error, delay }) => {
    otel.trace.getSpan(otel.context.active())?.addEvent('retry', {
      [ATTEMPT]: attempt,
      [ERROR_TYPE]: errorType(error),
      [SECONDS]: delay / 1_000,
    });
  };
}
