import type { SchedulerLike } from 'rxjs';
import type { ResponseInfo } from '../sources/SourceOptions.ts';
import type { RateLimitKind } from './rateLimitHeaders.ts';

export interface RequestGateOptions {
  /** The maximum number of requests that run at the same time. Default: 8. */
  concurrency?: number | undefined;
  /** Requests per minute. Default: the limit in the response headers. */
  requestsPerMinute?: number | undefined;
  /** Input and output tokens together, per minute. Default: the limit in the response headers. */
  tokensPerMinute?: number | undefined;
  /** Input tokens per minute. Default: the limit in the response headers. */
  inputTokensPerMinute?: number | undefined;
  /** Output tokens per minute. Default: the limit in the response headers. */
  outputTokensPerMinute?: number | undefined;
  /** The maximum number of waiting requests; with 0, no request waits. Default: 1,000. */
  maxQueue?: number | undefined;
  /** The scheduler for all waits. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

export interface GateRunOptions {
  /**
   * The owner of the request, such as a user id. Keys get equal shares, counted in tokens. Default: all
   * requests have the same key.
   */
  key?: unknown;
  /** Requests with a higher number go first, whatever their keys. Default: 0. */
  priority?: number | undefined;
  /**
   * The number of tokens that you expect the request to use: a number for the input, or an object. The
   * usage of the reply corrects it. Default: 1.1 times the largest recent input, and the mean recent
   * output.
   */
  tokens?: number | { input?: number | undefined; output?: number | undefined } | undefined;
}

/** The options that a gated request passes to its source, `fromMessages` or `fromResponse`. */
export interface GatedRequestOptions {
  /** Reads the rate-limit headers. If you pass your own `onResponse`, call this function in it. */
  onResponse: (response: ResponseInfo) => void;
  /** Turns off the SDK's own retries, which would bypass the gate. */
  request: { maxRetries: 0 };
}

/** The state of a `RequestGate`. */
export interface RequestGateState {
  /** The number of running requests. */
  readonly running: number;
  /** The number of waiting requests. */
  readonly waiting: number;
  /** After a refusal: no request is sent before this time, in milliseconds as of `scheduler.now()`. */
  readonly heldUntil: number | undefined;
  /**
   * The known limits per minute. `remaining` is negative if more was used than estimated. Output counts
   * while it is written.
   */
  readonly limits: Readonly<
    Partial<Record<RateLimitKind, { readonly limit: number; readonly remaining: number }>>
  >;
}
