import type { OtelContext } from './OpenTelemetry.ts';

/** How a traced stream ended. */
export type TracedOutcome = 'complete' | 'error' | 'unsubscribed';

/** Follows one subscription and records it on a span. */
export interface SpanRecorder<T> {
  /** The context of the span: whatever the source starts is a child. `undefined`: nothing to record. */
  readonly context: OtelContext | undefined;
  /**
   * Takes in a value that is one of very many, and answers whether it was. Those are passed on as they
   * are, in the context of the span: to leave it for each would cost more than all the rest.
   */
  takeDelta(value: T): boolean;
  /** Takes any other value in, and gives the one that is passed on. */
  next(value: T): T;
  /** The stream has ended. */
  end(outcome: TracedOutcome, error?: unknown): void;
}
