import type { Observable } from 'rxjs';
import { asString, fields } from '../message/record.ts';
import type { AnyStreamEvent, ToolEvent } from '../message/StreamEvent.ts';
import type { LoopTracing, TracedCall, TracedTurn } from '../tools/LoopTracing.ts';
import { AGENT_NAME, OPERATION, PROVIDER, REQUEST_MODEL } from './attributes.ts';
import { inputAttributes, type RequestContent } from './contentAttributes.ts';
import { LoopSpan } from './LoopSpan.ts';
import { MessageSpan, type MessageSpanConfig } from './MessageSpan.ts';
import type { OpenTelemetry, OtelContext } from './OpenTelemetry.ts';
import { checkOtel } from './otelApi.ts';
import { recordSpan } from './recordSpan.ts';
import { ToolSpan } from './ToolSpan.ts';
import { messageSpanConfig, type TraceMessageConfig } from './traceMessage.ts';

export interface TraceToolsOptions extends Pick<
  TraceMessageConfig,
  'attributes' | 'metrics' | 'stallAfter' | 'scheduler'
> {
  /** The name of the agent: the span of the loop is `invoke_agent {name}`. */
  name: string;
  /**
   * Whether prompts, replies, and the input and result of tools are recorded, and so exported with your
   * traces. Each attribute has at most 100,000 characters. Default: `false`.
   */
  content?: boolean | undefined;
}

/**
 * Returns options for `runTools` and `Conversation` that record the loop as OpenTelemetry spans:
 * `invoke_agent` for the loop, with a child `chat` for the reply of each turn and a child
 * `execute_tool` for each call that runs.
 *
 * ```text
 * invoke_agent  [==============================OK]
 * chat          [======OK]            [========OK]
 * execute_tool             [=====OK]
 * ```
 *
 * - A tool's `run` is called in the context of its span, so requests and loops inside the tool are
 *   children of that span.
 * - A tool that fails or times out: the status of its span is ERROR, and the loop goes on. A call that
 *   does not run is a `tool_result` event on the loop's span.
 * - A loop that is stopped, or interrupted because calls wait for answers, is not an error:
 *   `claude_rx.loop.outcome` has its outcome, and each pending call is a `tool_pending` event on the
 *   loop's span. Calls that `answers` approves are in the span of the loop that runs them.
 * - Error, complete, unsubscribe, tokens: as with `traceMessage`, which is not needed here. The loop's
 *   span has the total of all turns as `claude_rx.usage.*`.
 * - All spans except those of the tools have `attributes`.
 *
 * @throws TypeError when `otel` is not the API of OpenTelemetry, when `name` is empty, or when
 * `stallAfter` is negative.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import * as otel from '@opentelemetry/api';
 * import { traceTools } from 'claude-rx/telemetry';
 * import { type DefinedTool, runTools } from 'claude-rx/tools';
 *
 * const params = {
 *   model: 'claude-opus-5-5' as const,
 *   max_tokens: 1024,
 *   messages: [{ role: 'user' as const, content: 'What is the weather in Rome?' }],
 * };
 *
 * const answer = (tools: DefinedTool[]) =>
 *   runTools(new Anthropic(), params, { tools, ...traceTools(otel, { name: 'assistant' }) });
 * ```
 */
export function traceTools(
  otel: OpenTelemetry,
  { name, content = false, ...config }: TraceToolsOptions,
): { tracing: () => LoopTracing } {
  checkOtel('traceTools', otel);
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('traceTools: `name` must be the name of the agent, a non-empty string');
  }
  const chat = messageSpanConfig('traceTools', otel, { ...config, content, model: '' });
  return { tracing: () => new LoopTrace(otel, name, chat) };
}

/** The spans of one loop. Their parents are set here and do not depend on the active span. */
class LoopTrace implements LoopTracing {
  readonly #otel: OpenTelemetry;
  readonly #name: string;
  readonly #chat: MessageSpanConfig;
  /** The context of the subscriber, and the context of the loop's span. */
  #outer: OtelContext;
  #context: OtelContext;

  constructor(otel: OpenTelemetry, name: string, chat: MessageSpanConfig) {
    this.#otel = otel;
    this.#name = name;
    this.#chat = chat;
    this.#outer = this.#context = otel.context.active();
  }

  loop<T>(loop$: Observable<T>): Observable<T> {
    const attributes = {
      ...this.#chat.attributes,
      [REQUEST_MODEL]: undefined,
      [OPERATION]: 'invoke_agent',
      [PROVIDER]: 'anthropic',
      [AGENT_NAME]: this.#name,
    };
    const start = (parent: OtelContext) => {
      const span = new LoopSpan<T>(this.#otel, parent, this.#name, attributes);
      this.#context = span.context ?? parent;
      return span;
    };
    return loop$.pipe(recordSpan(this.#otel, start, this.#outer));
  }

  reply<E extends AnyStreamEvent>(reply$: Observable<E>, { params }: TracedTurn): Observable<E> {
    const { attributes, spanAttributes, hasContent } = this.#chat;
    const model = asString(fields(params)['model']);
    const config = {
      ...this.#chat,
      spanName: `chat ${model}`,
      attributes: { ...attributes, [REQUEST_MODEL]: model },
      spanAttributes: {
        ...spanAttributes,
        ...(hasContent && inputAttributes(params as RequestContent)),
      },
    };
    const start = () => new MessageSpan<E>(this.#otel, this.#context, config);
    return reply$.pipe(recordSpan(this.#otel, start, this.#outer));
  }

  call(run$: Observable<ToolEvent>, call: TracedCall): Observable<ToolEvent> {
    const { hasContent } = this.#chat;
    const start = () => new ToolSpan(this.#otel, this.#context, call, hasContent);
    return run$.pipe(recordSpan(this.#otel, start, this.#outer));
  }
}
