import type { MonoTypeOperatorFunction } from 'rxjs';
import type { AnyAgentMessage } from '../agent/AgentMessage.ts';
import { AgentSpan } from './AgentSpan.ts';
import { AGENT_NAME, OPERATION, PROVIDER } from './attributes.ts';
import type { Attributes, OpenTelemetry } from './OpenTelemetry.ts';
import { checkOtel } from './otelApi.ts';
import { recordSpan } from './recordSpan.ts';

export interface TraceAgentConfig {
  /** The name of the agent: the span is `invoke_agent {name}`, of kind CLIENT. */
  name: string;
  /** Attributes that the span starts with, so that a sampler sees them. Default: none. */
  attributes?: Attributes | undefined;
}

/**
 * Records each subscription to `fromAgent` or `fromClaudeCode`, the messages of Claude Code, as an
 * OpenTelemetry span.
 *
 * ```text
 * source   -i-A--A--r|              i: init, A: a message, r: result
 *          traceAgent(otel, { name })
 * result   -i-A--A--r|
 * span     [=========OK]
 * ```
 *
 * - Complete, or unsubscribe, after a successful result: status OK.
 * - Complete without a result, or after a result that reports an error: status ERROR. `fromAgent`
 *   errors in the same cases.
 * - Error: status ERROR; `error.type` is the API's type, else the code of the `MessageStreamError`.
 * - Unsubscribe before a result: the status is unset, and `claude_rx.outcome` is `unsubscribed`.
 * - `gen_ai.usage.*` has the tokens of the last result, `claude_rx.cost_usd` its cost, and
 *   `gen_ai.conversation.id` the session.
 * - Content and error messages are not recorded.
 *
 * Claude Code makes its requests in its own process, with its own telemetry.
 *
 * @throws TypeError when `otel` is not the API of OpenTelemetry, or `name` is empty.
 *
 * @example
 * ```ts
 * import * as otel from '@opentelemetry/api';
 * import { textOnly } from 'claude-rx';
 * import { streamEvents } from 'claude-rx/agent';
 * import { fromClaudeCode } from 'claude-rx/node';
 * import { traceAgent } from 'claude-rx/telemetry';
 *
 * fromClaudeCode({ prompt: 'Review this project.' })
 *   .pipe(traceAgent(otel, { name: 'reviewer' }), streamEvents(), textOnly())
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function traceAgent<M extends AnyAgentMessage>(
  otel: OpenTelemetry,
  { name, attributes }: TraceAgentConfig,
): MonoTypeOperatorFunction<M> {
  checkOtel('traceAgent', otel);
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('traceAgent: `name` must be the name of the agent, a non-empty string');
  }
  const all = {
    [OPERATION]: 'invoke_agent',
    [PROVIDER]: 'anthropic',
    [AGENT_NAME]: name,
    ...attributes,
  };
  return recordSpan(otel, (parent) => new AgentSpan<M>(otel, parent, name, all));
}
