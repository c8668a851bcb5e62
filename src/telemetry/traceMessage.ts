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
  /** The model that is asked: the span is `chat {model}`, of kind CLIENT. */
  model?: string | undefined;
  /**
   * The name of the span for a stream that is not a request of yours, such as `relay.follow(id)`: its
   * kind is INTERNAL, and it leaves the tokens to the span of the request. Give this or `model`.
   */
  name?: string | undefined;
  /** Attributes from the start, so that a sampler sees them: `gen_ai.conversation.id`, say. */
  attributes?: Attributes | undefined;
  /**
   * Records the content of the reply, and of the request where its parameters are given: prompts,
   * thinking and tool input go wherever your traces go. Each attribute has at most 100,000 characters.
   * Default: `false`.
   */
  content?: boolean | RequestContent | undefined;
  /**
   * Measures duration, time to the first chunk and tokens with `otel.metrics` as well. Default:
   * `false`.
   */
  metrics?: boolean | undefined;
  /** A silence longer than this is a span event `stall`, in milliseconds. Default: 5,000. */
  stallAfter?: number | undefined;
  /**
   * Writes the context of the span into `message_start`, as `traceparent`, for a reader elsewhere that
   * traces too: its span links to this one, and takes the field out. Default: `false`, since a reader
   * that does not trace sees it.
   */
  link?: boolean | undefined;
  /** Its `now()` is the clock of stalls and measurements. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

/**
 * Records each subscription to a reply as a span of OpenTelemetry.
 *
 * ```text
 * source   -m--[t-t----r-t--x--(S|)      r: resume, a seam
 *          traceMessage(otel, { model })
 * result   -m--[t-t----r-t--x--(S|)
 * span     [===================OK]       with an event `resume`
 * ```
 *
 * Put it behind `retryResumable`: one span then covers all attempts, as the conventions want it. The
 * source is subscribed in the context of the span, so that the SDK's spans and those of the HTTP
 * instrumentation are its children. What a subscriber starts while it handles a delta is one too;
 * what it starts at any other event, at the end or later is not.
 *
 * - Complete, or an unsubscribe after `message_stop`: status OK.
 * - Error: status ERROR, `error.type` the API's type, else the code of the `MessageStreamError`.
 * - Unsubscribe before: the status is unset, and `claude_rx.outcome` is `unsubscribed`.
 * - Tokens: `gen_ai.usage.*` with the cached ones in `input_tokens`. Where the SDK traces the request,
 *   its spans have them, and this one has the totals over all attempts as `claude_rx.usage.*`: a
 *   backend that sums spans counts nothing twice.
 * - Seams and stalls are span events, at most 100; pings are a counter.
 * - Neither content nor error messages are recorded, unless `content` says so.
 * - With a tracer that records nothing the source is subscribed as if this were not there.
 *
 * @throws TypeError when `otel` is not the API of OpenTelemetry, neither `model` nor `name` is given,
 * or `stallAfter` is negative.
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

/** The config with its defaults, checked. */
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
    throw new TypeError(`${who}: give the \`model\` that is asked, or the \`name\` of the span`);
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
