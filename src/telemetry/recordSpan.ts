import { type MonoTypeOperatorFunction, Observable, Subscriber } from 'rxjs';
import type { OpenTelemetry, OtelContext } from './OpenTelemetry.ts';
import type { SpanRecorder, TracedOutcome } from './SpanRecorder.ts';

/**
 * Records each subscription with a new recorder. The source is subscribed in the context of the span.
 * Values other than deltas are passed on in the context `outer`, so that spans which a reader starts
 * then are not children of the span. Default: the context of the subscriber.
 *
 * A failure of telemetry never fails a stream: errors that a recorder throws are dropped.
 */
export function recordSpan<T>(
  otel: OpenTelemetry,
  start: (parent: OtelContext) => SpanRecorder<T>,
  outer?: OtelContext,
): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) => {
      const caller = outer ?? otel.context.active();
      const recorder = quietly(() => start(caller));
      if (recorder?.context === undefined) return source.subscribe(subscriber);
      const traced = new TracedSubscriber(subscriber, recorder, otel.context, caller);
      return otel.context.with(recorder.context, () => source.subscribe(traced));
    });
}

class TracedSubscriber<T> extends Subscriber<T> {
  readonly #recorder: SpanRecorder<T>;
  readonly #api: OpenTelemetry['context'];
  readonly #caller: OtelContext;
  readonly #hand: (value: T) => void;

  constructor(
    destination: Subscriber<T>,
    recorder: SpanRecorder<T>,
    api: OpenTelemetry['context'],
    caller: OtelContext,
  ) {
    super(destination);
    this.#recorder = recorder;
    this.#api = api;
    this.#caller = caller;
    this.#hand = (value) => super._next(value);
  }

  protected override _next(value: T): void {
    if (this.#recorder.takeDelta(value)) return this.destination.next(value);
    const passed = quietly(() => this.#recorder.next(value)) ?? value;
    this.#api.with(this.#caller, this.#hand, undefined, passed);
  }

  protected override _complete(): void {
    this.#end('complete');
    this.#api.with(this.#caller, () => super._complete());
  }

  protected override _error(error: unknown): void {
    this.#end('error', error);
    this.#api.with(this.#caller, () => super._error(error));
  }

  override unsubscribe(): void {
    const isFirst = !this.closed;
    super.unsubscribe();
    if (isFirst) this.#end('unsubscribed');
  }

  /** The recorder ignores all but the first ending. */
  #end(outcome: TracedOutcome, error?: unknown): void {
    quietly(() => this.#recorder.end(outcome, error));
  }
}

function quietly<R>(step: () => R): R | undefined {
  try {
    return step();
  } catch {
    return undefined;
  }
}
