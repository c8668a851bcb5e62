import { requireFunction, requireNumbers } from '../flow/require.ts';

export interface ExponentialBackoffConfig {
  /** The first wait, in milliseconds. Default: 500. */
  initial?: number;
  /** The maximum wait, in milliseconds; `Infinity` for no maximum. Default: 8,000. */
  max?: number;
  /** The factor from each wait to the next. Default: 2. */
  factor?: number;
  /** The maximum part, from 0 to 1, by which each wait is shortened at random. Default: 0.25. */
  jitter?: number;
  /** Returns a random number from 0 to below 1; pass a fixed function in tests. Default: `Math.random`. */
  random?: () => number;
}

/**
 * Returns a function with exponentially growing waits, for the `delay` of `retryResumable`. The defaults
 * are those of the SDK's own retries (SDK src/client.ts `calculateDefaultRetryTimeoutMillis`).
 *
 * ```text
 * retry  1    2     3     4     5     6
 * wait   500  1000  2000  4000  8000  8000   less up to a quarter
 * ```
 *
 * @throws TypeError when an option is out of its range.
 *
 * @example
 * ```ts
 * import { exponentialBackoff } from 'claude-rx';
 *
 * const delay = exponentialBackoff({ initial: 1_000, max: 30_000, jitter: 0 });
 * console.log([1, 2, 3].map((retry) => delay(undefined, retry))); // 1000, 2000, 4000
 * ```
 */
export function exponentialBackoff({
  initial = 500,
  max = 8_000,
  factor = 2,
  jitter = 0.25,
  random = Math.random,
}: ExponentialBackoffConfig = {}): (error: unknown, retry: number) => number {
  const caller = 'exponentialBackoff';
  const what = 'milliseconds';
  requireNumbers(caller, { initial }, { min: 0, max: Number.MAX_VALUE, what });
  requireNumbers(caller, { max }, { min: 0, what });
  requireNumbers(caller, { factor }, { min: 1, max: Number.MAX_VALUE });
  requireNumbers(caller, { jitter }, { min: 0, max: 1 });
  requireFunction(caller, 'random', random, 'a function that returns numbers');
  return (_error, retry) => {
    // With an `initial` of 0, an infinite power would give NaN.
    const growth = Math.min(factor ** (retry - 1), Number.MAX_VALUE);
    return Math.min(max, initial * growth, Number.MAX_VALUE) * (1 - jitter * random());
  };
}
