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
  /** Attributes from the start, so that a sampler sees them. */
  attributes?: Attributes | undefined;
}

/**
 * Records each subscription to the messages of Claude Code, of `fromAgent` or `fromClaudeCode`, as a span of
 * OpenTelemetry.
 *
 * ```text
 * source   -i-A--A--r|              i: init, A: a message, r: result
 *          traceAgent(otel, { name })
 * result   -i-A--A--r|
 * span     [=========OK]
 * ```
 *
 * - Complete after a good result, or an unsubscribe after it: status OK.
 * - Complete without a result, or after one that reports an error: status ERROR, as `fromAgent` fails then.
 * - Error: status ERROR, `error.type` the API's type, else the code of the `MessageStreamError`.
 * - Unsubscribe before: the status is unset, and `claude_rx.outcome` is `unsubscribed`.
 * - The tokens are those of the last result, as `gen_ai.usage.*`; its cost is `claude_rx.cost_usd`. The session is
 *   `gen_ai.conversation.id`.
 * - Neither content nor error messages are recorded.
 *
 * Claude Code makes its requests in a process of its own, which has telemetry of its own.
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
    throw new TypeError('traceAgent: `name` must be the name of the agent, a text');
  }
  const all = {
    [OPERATION]: 'invoke_agent',
    [PROVIDER]: 'anthropic',
    [AGENT_NAME]: name,
    ...attributes,
  };
  return recordSpan(otel, (parent) => new AgentSpan<M>(otel, parent, name, all));
}
