import type { SchedulerLike } from 'rxjs';
import type { ResponseInfo } from '../sources/SourceOptions.ts';
import type { RateLimitKind } from './rateLimitHeaders.ts';

export interface RequestGateOptions {
  /** How many requests run at the same time. Default: 8. */
  concurrency?: number | undefined;
  /** Requests a minute. Default: what the headers of the responses report. */
  requestsPerMinute?: number | undefined;
  /** Input and output tokens together, a minute. Default: what the headers report. */
  tokensPerMinute?: number | undefined;
  /** Input tokens a minute. Default: what the headers report. */
  inputTokensPerMinute?: number | undefined;
  /** Output tokens a minute. Default: what the headers report. */
  outputTokensPerMinute?: number | undefined;
  /** How many requests wait at most; 0 for none. Default: 1,000. */
  maxQueue?: number | undefined;
  /** Where waits are timed. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

export interface GateRunOptions {
  /** Whose request it is: keys get equal shares, counted in tokens. Default: one key for all. */
  key?: unknown;
  /** Requests with a higher number go first, whatever the shares are. Default: 0. */
  priority?: number | undefined;
  /**
   * How many tokens the request is expected to use: its input, or input and output. The usage that
   * the reply reports corrects it. Default: the largest input and the mean output of late.
   */
  tokens?: number | { input?: number | undefined; output?: number | undefined } | undefined;
}

/** The options that a gated request passes to its source, `fromMessages` or `fromResponse`. */
export interface GatedRequestOptions {
  /** Reads the rate-limit headers. Where you pass your own `onResponse`, call this one from it. */
  onResponse: (response: ResponseInfo) => void;
  /** Turns off the SDK's own retries: they would go past the gate. */
  request: { maxRetries: 0 };
}

/** What a gate is doing. */
export interface RequestGateState {
  /** How many requests run. */
  readonly running: number;
  /** How many requests wait. */
  readonly waiting: number;
  /** Nothing is sent before this time of the scheduler, as the API asked to wait. */
  readonly heldUntil: number | undefined;
  /** What is known of the limits. `remaining` is below zero where more was used than estimated; output
   * counts while it is written. */
  readonly limits: Readonly<
    Partial<Record<RateLimitKind, { readonly limit: number; readonly remaining: number }>>
  >;
}
