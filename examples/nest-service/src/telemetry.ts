import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import {
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node';
import { createRequire } from 'node:module';

/** Prints each span as a line of JSON. A service sends its spans to a collector instead. */
class PrintingExporter implements SpanExporter {
  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    for (const span of spans) console.log(JSON.stringify(printed(span)));
    done({ code: 0 });
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function printed(span: ReadableSpan): object {
  const { traceId, spanId } = span.spanContext();
  return {
    span: span.name,
    kind: SpanKind[span.kind],
    status: SpanStatusCode[span.status.code],
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    attributes: span.attributes,
    events: span.events.map(({ name }) => name),
  };
}

// Loaded by `node --import`, before the service: what is loaded earlier is not instrumented.
new NodeTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(new PrintingExporter())],
}).register();
new HttpInstrumentation({ disableOutgoingRequestInstrumentation: true }).enable();
// The instrumentation sees `require`, not `import`; both give the same module.
createRequire(import.meta.url)('node:http');
