import type { OtelContext } from './OpenTelemetry.ts';

/** How a traced stream ended. */
export type TracedOutcome = 'complete' | 'error' | 'unsubscribed';

/** Records one subscription on a span. */
export interface SpanRecorder<T> {
  /** The context of the span, in which the source is subscribed; `undefined` if nothing is recorded. */
  readonly context: OtelContext | undefined;
  /**
   * Records the value if it is a delta, and returns whether it is. Deltas are passed on unchanged, in
   * the context of the span: there are so many that leaving the context for each would cost too much.
   */
  takeDelta(value: T): boolean;
  /** Records any other value, and returns the value to pass on. */
  next(value: T): T;
  /** The stream has ended. */
  end(outcome: TracedOutcome, error?: unknown): void;
}
