import {
  DURATION_METRIC,
  FIRST_CHUNK_METRIC,
  INPUT_TOKENS_METRIC,
  OUTPUT_TOKENS_METRIC,
} from './attributes.ts';
import type { Attributes, OpenTelemetry } from './OpenTelemetry.ts';
import { SCOPE } from './otelApi.ts';
import type { TokenCounts } from './usageAttributes.ts';

interface MessageMeasurement {
  /** In seconds, like `timeToFirstChunk`. */
  readonly duration: number;
  readonly timeToFirstChunk: number | undefined;
  readonly tokens: TokenCounts;
  readonly attributes: Attributes;
}

export interface MessageMetrics {
  record(measurement: MessageMeasurement): void;
}

// The boundaries that the conventions advise: the default boundaries are for milliseconds.
const DURATIONS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640];
const FIRST_CHUNKS = [0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40];

const seconds = (explicitBucketBoundaries: number[], description: string) => ({
  unit: 's',
  description,
  advice: { explicitBucketBoundaries },
});
const tokens = (description: string) => ({ unit: '{token}', description });

/** The metrics that the conventions define for a client of a model. */
export function messageMetrics(otel: OpenTelemetry): MessageMetrics {
  const meter = otel.metrics.getMeter(SCOPE);
  const duration = meter.createHistogram(
    DURATION_METRIC,
    seconds(DURATIONS, 'From the request to the end of the reply'),
  );
  const firstChunk = meter.createHistogram(
    FIRST_CHUNK_METRIC,
    seconds(FIRST_CHUNKS, 'From the request to the first delta'),
  );
  const input = meter.createCounter(INPUT_TOKENS_METRIC, tokens('Input tokens, cached ones too'));
  const output = meter.createCounter(OUTPUT_TOKENS_METRIC, tokens('Output tokens'));
  return {
    record(measured) {
      const { attributes } = measured;
      duration.record(measured.duration, attributes);
      if (measured.timeToFirstChunk !== undefined) {
        firstChunk.record(measured.timeToFirstChunk, attributes);
      }
      if (measured.tokens.input !== undefined) input.add(measured.tokens.input, attributes);
      if (measured.tokens.output !== undefined) output.add(measured.tokens.output, attributes);
    },
  };
}
