import { asyncScheduler, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import { requireNumbers } from '../flow/require.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { OPERATION, PROVIDER, REQUEST_MODEL, REQUEST_STREAM } from './attributes.ts';
import { inputAttributes, type RequestContent } from './contentAttributes.ts';
import { messageMetrics } from './messageMetrics.ts';
import { MessageSpan, type MessageSpanConfig } from './MessageSpan.ts';
import type { Attributes, OpenTelemetry } from './OpenTelemetry.ts';
import { checkOtel } from './otelApi.ts';
import { recordSpan } from './recordSpan.ts';

export interface TraceMessageConfig {
  /** The model of the request: the span is `chat {model}`, of kind CLIENT. Pass this or `name`. */
  model?: string | undefined;
  /**
   * The name of the span for a stream that is not a request, such as `relay.follow(id)`. Its kind is
   * INTERNAL, and only the span of the request has `gen_ai.usage.*`. Pass this or `model`.
   */
  name?: string | undefined;
  /**
   * Attributes that the span starts with, such as `gen_ai.conversation.id`, so that a sampler sees
   * them. Default: none.
   */
  attributes?: Attributes | undefined;
  /**
   * `true` records the content of the reply; the parameters of the request record the request too.
   * Prompts, thinking and tool input are then exported with your traces. Each attribute has at most
   * 100,000 characters. Default: `false`.
   */
  content?: boolean | RequestContent | undefined;
  /**
   * Whether duration, time to the first chunk and tokens are also recorded with `otel.metrics`.
   * Default: `false`.
   */
  metrics?: boolean | undefined;
  /** Milliseconds without content after which a span event `stall` is recorded. Default: 5,000. */
  stallAfter?: number | undefined;
  /**
   * Whether the field `traceparent` of `message_start` carries the context of the span to readers
   * elsewhere. The span of a reader with `traceMessage` links to this span, and its events do not have
   * the field; a reader without `traceMessage` sees the field. Default: `false`.
   */
  link?: boolean | undefined;
  /** The scheduler whose `now()` is the clock of stalls and measurements. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

/**
 * Records each subscription to a reply as an OpenTelemetry span.
 *
 * ```text
 * source   -m--[t-t----r-t--x--(S|)      r: resume, a seam
 *          traceMessage(otel, { model })
 * result   -m--[t-t----r-t--x--(S|)
 * span     [===================OK]       with an event `resume`
 * ```
 *
 * Put it behind `retryResumable`, so that one span covers all attempts, as the conventions require.
 * The source is subscribed in the context of the span, so the SDK's spans and those of the HTTP
 * instrumentation are its children. So are spans that a subscriber starts while it handles a delta;
 * spans that it starts at any other event, at the end or later are not.
 *
 * - Complete, or unsubscribe after `message_stop`: status OK.
 * - Error: status ERROR; `error.type` is the API's type, else the code of the `MessageStreamError`.
 * - Unsubscribe before `message_stop`: the status is unset, and `claude_rx.outcome` is `unsubscribed`.
 * - Tokens: `gen_ai.usage.*`, where `input_tokens` includes cached tokens. If the SDK traces the
 *   request, its spans have `gen_ai.usage.*`, and this span has the totals of all attempts as
 *   `claude_rx.usage.*`, so that a backend which adds up spans counts no token twice.
 * - Resumed attempts and stalls are span events, at most 100; pings are counted.
 * - Content is recorded only with `content`, error messages never.
 * - With a tracer that records nothing, the source is subscribed directly.
 *
 * @throws TypeError when `otel` is not the API of OpenTelemetry, when neither `model` nor `name` is
 * given, or when `stallAfter` is negative.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import * as otel from '@opentelemetry/api';
 * import { continueFrom, fromMessages, retryResumable, textOnly } from 'claude-rx';
 * import { traceMessage } from 'claude-rx/telemetry';
 *
 * const client = new Anthropic();
 * const params = {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user' as const, content: 'Hello, Claude' }],
 * };
 * fromMessages(client, params)
 *   .pipe(
 *     retryResumable({ resume: ({ partial }) => fromMessages(client, continueFrom(params, partial)) }),
 *     traceMessage(otel, { model: params.model }),
 *     textOnly(),
 *   )
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function traceMessage<E extends AnyStreamEvent>(
  otel: OpenTelemetry,
  config: TraceMessageConfig,
): MonoTypeOperatorFunction<E> {
  checkOtel('traceMessage', otel);
  const spanConfig = messageSpanConfig('traceMessage', otel, config);
  return recordSpan(otel, (parent) => new MessageSpan<E>(otel, parent, spanConfig));
}

/** The validated config, with its defaults. */
export function messageSpanConfig(
  who: string,
  otel: OpenTelemetry,
  {
    model,
    name,
    attributes,
    content = false,
    metrics = false,
    stallAfter = 5_000,
    link = false,
    scheduler = asyncScheduler,
  }: TraceMessageConfig = {},
): MessageSpanConfig {
  const spanName = name ?? (model === undefined ? undefined : `chat ${model}`);
  if (typeof spanName !== 'string' || spanName === '') {
    throw new TypeError(
      `${who}: pass the \`model\` of the request, or the \`name\` of the span, as a non-empty string`,
    );
  }
  requireNumbers(who, { stallAfter }, { min: 0, what: 'milliseconds' });
  const isRequest = name === undefined;
  return {
    spanName,
    kind: isRequest ? 'CLIENT' : 'INTERNAL',
    attributes: {
      [OPERATION]: isRequest ? 'chat' : undefined,
      [PROVIDER]: 'anthropic',
      [REQUEST_MODEL]: model,
      ...attributes,
    },
    spanAttributes: {
      [REQUEST_STREAM]: isRequest ? true : undefined,
      ...(typeof content === 'object' && inputAttributes(content)),
    },
    isRequest,
    hasContent: content !== false,
    isLinked: link,
    stallAfter,
    metrics: metrics && isRequest ? messageMetrics(otel) : undefined,
    scheduler,
  };
}
