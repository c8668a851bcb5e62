import { context, metrics, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { until } from './server.ts';

export interface RecordedSpans {
  /** The spans that have ended, in the order of their ends. */
  readonly all: ReadableSpan[];
  /** The spans in the order of their starts: their times can be equal, or of two clocks. */
  readonly started: ReadableSpan[];
  /** Those of this package, without those of the SDK. */
  readonly ours: ReadableSpan[];
  /** Those of the SDK's requests. */
  readonly sdk: ReadableSpan[];
  /** All, when there are so many. */
  ended(count: number): Promise<ReadableSpan[]>;
  named(name: string): ReadableSpan;
  reset(): void;
}

/** A real tracer provider, registered for the tests of a file. */
export function useTelemetry(): RecordedSpans {
  const exporter = new InMemorySpanExporter();
  const started: ReadableSpan[] = [];
  const order: SpanProcessor = {
    onStart: (span) => void started.push(span as unknown as ReadableSpan),
    onEnd() {},
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const reset = () => {
    exporter.reset();
    started.length = 0;
  };
  beforeAll(() => {
    const spanProcessors = [order, new SimpleSpanProcessor(exporter)];
    new NodeTracerProvider({ spanProcessors }).register();
  });
  afterEach(reset);
  // The files of a worker share their modules.
  afterAll(() => {
    for (const api of [trace, context, propagation, metrics]) api.disable();
  });
  const isOfSdk = ({ instrumentationScope }: ReadableSpan) =>
    instrumentationScope.name.startsWith('com.anthropic');
  return {
    get all() {
      return exporter.getFinishedSpans();
    },
    started,
    get ours() {
      return this.all.filter((span) => !isOfSdk(span));
    },
    get sdk() {
      return this.all.filter(isOfSdk);
    },
    async ended(count) {
      await until(() => this.all.length >= count);
      return this.all;
    },
    named(name) {
      const span = this.all.find((one) => one.name === name);
      if (!span) throw new Error(`no span ${name} among ${this.all.map((one) => one.name)}`);
      return span;
    },
    reset,
  };
}

/** The status of a span by name. */
export const statusOf = ({ status }: ReadableSpan): string => SpanStatusCode[status.code];
