import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { isBlockEvent, StreamEnd } from '../message/eventKinds.ts';
import { MessageBuilder } from '../message/MessageBuilder.ts';
import { fields, text } from '../message/record.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { isTracedReply } from '../message/tracedReply.ts';
import * as name from './attributes.ts';
import { outputAttributes } from './contentAttributes.ts';
import { errorType, ownError } from './errorType.ts';
import type { MessageMetrics } from './messageMetrics.ts';
import type { Attributes, OpenTelemetry, OtelContext, OtelSpan } from './OpenTelemetry.ts';
import { spanContextOf, traceparent } from './traceparent.ts';
import type { SpanRecorder, TracedOutcome } from './SpanRecorder.ts';
import { endSpan, startSpan } from './startSpan.ts';
import { tokensOf, usageAttributes } from './usageAttributes.ts';

/** A span keeps 128 events, and drops those that come later. */
const MOST_EVENTS = 100;

export interface MessageSpanConfig {
  readonly spanName: string;
  readonly kind: 'CLIENT' | 'INTERNAL';
  /** Attributes that the span and the metrics start with. */
  readonly attributes: Attributes;
  /** Attributes that only the span has. */
  readonly spanAttributes: Attributes;
  /** Whether the stream is the reply to a request; if not, another span has the tokens. */
  readonly isRequest: boolean;
  readonly hasContent: boolean;
  readonly isLinked: boolean;
  readonly stallAfter: number;
  readonly metrics: MessageMetrics | undefined;
  readonly scheduler: SchedulerLike;
}

/** Records one reply on a span, and measures it. */
export class MessageSpan<E extends AnyStreamEvent> implements SpanRecorder<E> {
  readonly context: OtelContext | undefined;
  readonly #config: MessageSpanConfig;
  readonly #span: OtelSpan;
  readonly #message = new MessageBuilder<E>();
  readonly #startedAt: number;
  readonly #stallAfter: number;
  readonly #hasContent: boolean;
  #lastAt: number;
  #firstChunkAt: number | undefined;
  #pings = 0;
  #stalls = 0;
  #events = 0;
  #attempt = 1;
  readonly #end = new StreamEnd();
  #isInRun = false;
  #isCounted = false;
  #isStopped = false;
  #isEnded = false;
  /** Whether another span has the tokens. */
  #isTracedElsewhere: boolean;

  constructor(otel: OpenTelemetry, parent: OtelContext, config: MessageSpanConfig) {
    const { spanName, kind, attributes, spanAttributes, metrics } = config;
    const all = { ...attributes, ...spanAttributes };
    const { span, context } = startSpan(otel, spanName, kind, all, parent);
    this.#config = config;
    this.#span = span;
    this.context = context ?? (metrics && parent);
    this.#stallAfter = config.stallAfter;
    this.#hasContent = config.hasContent;
    this.#startedAt = this.#lastAt = config.scheduler.now();
    this.#isTracedElsewhere = !config.isRequest;
  }

  takeDelta(event: E): boolean {
    if (event.type !== 'content_block_delta') return false;
    // All events of a network chunk come synchronously, so the clock is read once for them.
    if (!this.#isInRun) this.#beginRun();
    if (this.#firstChunkAt === undefined) this.#firstChunkAt = this.#lastAt;
    if (this.#hasContent) this.#message.push(event);
    return true;
  }

  next(event: E): E {
    if (event.type === 'ping') {
      this.#pings++;
      return event;
    }
    if (!this.#isInRun) this.#beginRun();
    return this.#take(event);
  }

  end(outcome: TracedOutcome, error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const now = this.#config.scheduler.now();
    // A reader that unsubscribes after the last event has the whole reply.
    const actual = outcome === 'unsubscribed' && this.#isStopped ? 'complete' : outcome;
    if (!this.#isStopped && now - this.#lastAt > this.#stallAfter) this.#stall(now);
    this.#record(actual, error);
    this.#measure(actual, error, now);
  }

  #beginRun(): void {
    const { scheduler } = this.#config;
    const now = scheduler.now();
    if (now - this.#lastAt > this.#stallAfter) this.#stall(now);
    this.#lastAt = now;
    // Virtual time may pass within a run.
    if (scheduler !== asyncScheduler) return;
    this.#isInRun = true;
    queueMicrotask(() => (this.#isInRun = false));
  }

  #take(event: E): E {
    // Without `content`, a `fallback` block is still needed: it names the model.
    const isKept = this.#hasContent || !isBlockEvent(event) || isFallback(event);
    if (isKept) this.#message.push(event);
    this.#isStopped = this.#end.push(event);
    switch (event.type) {
      case 'message_start':
        return this.#begin(event);
      case 'message_delta':
        this.#isCounted = true;
        return event;
      case 'resume':
        this.#isCounted = false;
        this.#attempt = event.attempt;
        this.#addEvent('resume', {
          [name.ATTEMPT]: event.attempt,
          [name.KEPT_BLOCKS]: event.keep,
          [name.ERROR_TYPE]: errorType(event.error),
        });
        return event;
      default:
        return event;
    }
  }

  #begin(event: E): E {
    if (isTracedReply(event)) this.#isTracedElsewhere = true;
    const { traceparent: sent, ...rest } = event as E & { traceparent?: unknown };
    const producer = spanContextOf(sent);
    if (producer) {
      this.#isTracedElsewhere = true;
      this.#span.addLink?.({ context: producer });
    }
    if (!this.#config.isLinked) return sent === undefined ? event : (rest as unknown as E);
    return { ...event, traceparent: traceparent(this.#span.spanContext()) };
  }

  #stall(now: number): void {
    this.#stalls++;
    this.#addEvent('stall', { [name.SECONDS]: (now - this.#lastAt) / 1_000 });
  }

  #addEvent(eventName: string, attributes: Attributes): void {
    if (this.#events++ < MOST_EVENTS) this.#span.addEvent(eventName, attributes);
  }

  #record(outcome: TracedOutcome, error: unknown): void {
    if (!this.#span.isRecording()) return this.#span.end();
    const { id, model, stop_reason: stopReason, content } = this.#reply;
    const finishReason =
      outcome === 'complete' ? text(stopReason) : outcome === 'error' ? 'error' : undefined;
    const { requestId, attempts = this.#attempt } = ownError(error) ?? {};
    const prefix = this.#isTracedElsewhere ? 'claude_rx' : 'gen_ai';
    endSpan(this.#span, outcome, error, {
      [name.RESPONSE_ID]: text(id),
      [name.RESPONSE_MODEL]: text(model),
      [name.STOP_REASON]: text(stopReason),
      [name.FINISH_REASONS]: finishReason === undefined ? undefined : [finishReason],
      [name.TIME_TO_FIRST_CHUNK]: this.#secondsToFirstChunk,
      [name.REQUEST_ID]: requestId,
      [name.PINGS]: this.#pings || undefined,
      [name.STALLS]: this.#stalls || undefined,
      [name.ATTEMPTS]: attempts > 1 ? attempts : undefined,
      ...usageAttributes(this.#tokens, prefix),
      ...(this.#hasContent && outputAttributes(content, finishReason ?? '')),
    });
  }

  #measure(outcome: TracedOutcome, error: unknown, now: number): void {
    const { metrics, attributes } = this.#config;
    metrics?.record({
      duration: (now - this.#startedAt) / 1_000,
      timeToFirstChunk: this.#secondsToFirstChunk,
      tokens: this.#tokens,
      attributes: {
        ...attributes,
        [name.RESPONSE_MODEL]: text(this.#reply['model']),
        [name.ERROR_TYPE]: outcome === 'error' ? errorType(error) : undefined,
        [name.OUTCOME]: outcome,
      },
    });
  }

  get #reply() {
    return fields(this.#message.message);
  }

  get #tokens() {
    return tokensOf(fields(this.#reply['usage']), this.#isCounted);
  }

  get #secondsToFirstChunk(): number | undefined {
    const at = this.#firstChunkAt;
    return at === undefined ? undefined : (at - this.#startedAt) / 1_000;
  }
}

function isFallback(event: AnyStreamEvent): boolean {
  if (event.type !== 'content_block_start') return false;
  return (event.content_block?.type as string) === 'fallback';
}
