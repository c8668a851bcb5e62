import * as otel from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { messageEvents } from 'claude-rx/testing';
import { traceMessage } from 'claude-rx/telemetry';
import { concat, defer, EMPTY, from, lastValueFrom, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';

const events = Array.from(
  messageEvents
    .text('Hello')
    .with({ usage: { input_tokens: 7, output_tokens: 9, cache_read_input_tokens: 20 } }),
);

describe('the metrics of traceMessage', () => {
  it('measure duration, time to the first chunk and tokens, by model, error and outcome', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e9 });
    const metrics = new MeterProvider({ readers: [reader] });
    // No tracer provider is registered: metrics do not depend on spans.
    const trace = traceMessage({ ...otel, metrics }, { model: 'a', metrics: true });
    const end = (source = from(events)) => lastValueFrom(source.pipe(trace)).catch(() => {});
    await end();
    await end();
    await end(
      concat(
        from(events).pipe(take(4)),
        defer(() => throwError(() => new TypeError('terminated'))),
      ),
    );
    await metrics.forceFlush();
    const measured = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap((scope) => scope.metrics)
      .map(({ descriptor, dataPoints }) => [
        descriptor.name,
        descriptor.unit,
        dataPoints.map(({ value, attributes }) => [
          typeof value === 'number' ? value : value.count,
          attributes['error.type'] ?? attributes['claude_rx.outcome'],
        ]),
      ]);
    expect(measured).toEqual([
      [
        'gen_ai.client.inference.duration',
        's',
        [
          [2, 'complete'],
          [1, 'connection'],
        ],
      ],
      [
        'gen_ai.client.inference.time_to_first_chunk',
        's',
        [
          [2, 'complete'],
          [1, 'connection'],
        ],
      ],
      [
        'gen_ai.client.inference.usage.input_tokens',
        '{token}',
        [
          [54, 'complete'],
          [27, 'connection'],
        ],
      ],
      ['gen_ai.client.inference.usage.output_tokens', '{token}', [[18, 'complete']]],
    ]);
    await metrics.shutdown();
  });

  it('are not recorded for a stream that is not a request', async () => {
    const meter = () => expect.unreachable();
    const trace = traceMessage(
      { ...otel, metrics: { getMeter: meter } },
      { name: 'follow', metrics: true },
    );
    await lastValueFrom(concat(from(events), EMPTY).pipe(trace));
  });
});
