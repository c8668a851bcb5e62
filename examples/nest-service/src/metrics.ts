import { Injectable } from '@nestjs/common';
import { measureStream, type StreamEvent, type StreamMeasurements } from 'claude-rx';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { defer, finalize, type MonoTypeOperatorFunction } from 'rxjs';

const SECONDS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32];

/** How the replies go, for Prometheus. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  private readonly options = { registers: [this.registry] };
  private readonly open = new Gauge({
    name: 'replies_open',
    help: 'Replies that are being streamed now',
    ...this.options,
  });
  private readonly replies = new Counter({
    name: 'replies_total',
    help: 'Replies that have ended, by how they did',
    labelNames: ['outcome', 'code'],
    ...this.options,
  });
  private readonly firstText = new Histogram({
    name: 'reply_first_text_seconds',
    help: 'From the request to the first text',
    buckets: SECONDS,
    ...this.options,
  });
  private readonly speed = new Histogram({
    name: 'reply_tokens_per_second',
    help: 'Output tokens per second, of replies that are whole',
    buckets: [10, 20, 40, 80, 160, 320],
    ...this.options,
  });
  private readonly stalls = new Counter({
    name: 'reply_stalls_total',
    help: 'Silences of more than five seconds within a reply',
    ...this.options,
  });
  private readonly tokens = new Counter({
    name: 'tokens_total',
    help: 'Tokens of the replies, as far as their usage has been reported',
    labelNames: ['direction'],
    ...this.options,
  });

  constructor() {
    // Memory, the lag of the event loop, and the like.
    collectDefaultMetrics({ register: this.registry });
  }

  /** How many replies are being streamed now. */
  get openReplies(): Promise<number> {
    return this.open.get().then(({ values }) => values[0]?.value ?? 0);
  }

  /** Counts and times the reply that passes through. */
  measure(): MonoTypeOperatorFunction<StreamEvent> {
    return (reply$) =>
      defer(() => {
        this.open.inc();
        return reply$.pipe(
          measureStream((measured) => this.take(measured)),
          finalize(() => this.open.dec()),
        );
      });
  }

  private take(measured: StreamMeasurements): void {
    const { outcome, error, timeToFirstText, tokensPerSecond } = measured;
    const { code = 'none' } = (error ?? {}) as { code?: string };
    this.replies.inc({ outcome, code });
    if (timeToFirstText !== undefined) this.firstText.observe(timeToFirstText / 1_000);
    if (tokensPerSecond !== undefined) this.speed.observe(tokensPerSecond);
    this.stalls.inc(measured.stalls.count);
    this.tokens.inc({ direction: 'in' }, measured.inputTokens ?? 0);
    this.tokens.inc({ direction: 'out' }, measured.outputTokens ?? 0);
  }
}
