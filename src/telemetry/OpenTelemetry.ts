// Structural types of the used parts of `@opentelemetry/api` 1.x. Nothing is imported, so a program
// without OpenTelemetry does not need its types.

/** The value of an attribute. */
export type AttributeValue = string | number | boolean | string[] | number[] | boolean[];

/** The attributes of a span, an event or a measurement. */
export interface Attributes {
  [name: string]: AttributeValue | undefined;
}

/** A context of OpenTelemetry: the active span and baggage. */
export interface OtelContext {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): OtelContext;
  deleteValue(key: symbol): OtelContext;
}

export interface OtelSpanContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
}

export interface OtelSpan {
  spanContext(): OtelSpanContext;
  setAttributes(attributes: Attributes): unknown;
  addEvent(name: string, attributes?: Attributes): unknown;
  // Since version 1.9 of the API.
  addLink?(link: { context: OtelSpanContext; attributes?: Attributes }): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
  isRecording(): boolean;
}

export interface OtelTracer {
  startSpan(
    name: string,
    options?: { kind?: number; attributes?: Attributes },
    context?: OtelContext,
  ): OtelSpan;
}

export interface OtelHistogram {
  record(value: number, attributes?: Attributes): void;
}

export interface OtelCounter {
  add(value: number, attributes?: Attributes): void;
}

export interface OtelMeter {
  createHistogram(name: string, options?: object): OtelHistogram;
  createCounter(name: string, options?: object): OtelCounter;
}

/** The API of OpenTelemetry: `import * as otel from '@opentelemetry/api'`. */
export interface OpenTelemetry {
  readonly trace: {
    getTracer(name: string): OtelTracer;
    setSpan(context: OtelContext, span: OtelSpan): OtelContext;
    getSpan(context: OtelContext): OtelSpan | undefined;
  };
  readonly context: {
    active(): OtelContext;
    // oxlint-disable-next-line typescript/no-explicit-any -- the arguments are those of `run`
    with<A extends any[], R>(
      context: OtelContext,
      run: (...args: A) => R,
      thisArg?: unknown,
      ...args: A
    ): R;
  };
  readonly metrics: { getMeter(name: string): OtelMeter };
  readonly propagation: { inject(context: OtelContext, carrier: object): void };
}
