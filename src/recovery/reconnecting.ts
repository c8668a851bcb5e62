import { type Observable, of, type SchedulerLike, timer } from 'rxjs';
import { LONGEST_TIMER } from '../flow/longestTimer.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyStreamEvent, MessageOf, StreamEvent } from '../message/StreamEvent.ts';
import { exponentialBackoff } from './exponentialBackoff.ts';
import { requireNumbers } from '../flow/require.ts';

/** A failed attempt. */
export interface ResumeContext<E extends AnyStreamEvent = StreamEvent> {
  /**
   * The number of the attempt that is about to begin: 2 for the first retry. `retryResumable` and
   * `fallbackTo` also count attempts of operators before them, or inside of an attempt.
   */
  attempt: number;
  /** The error of the previous attempt. */
  error: MessageStreamError;
  /** The message so far; `undefined` if `message_start` has not arrived. */
  partial: MessageOf<E> | undefined;
}

/** The argument of the callbacks about another attempt. */
export interface RetryContext<E extends AnyStreamEvent = StreamEvent> extends ResumeContext<E> {
  /** The wait before the attempt, in milliseconds. */
  delay: number;
}

/** Milliseconds before an attempt, or a function that returns them, such as `exponentialBackoff()`. */
export type RetryDelay = number | ((error: MessageStreamError, retry: number) => number);

export interface ReconnectConfig<E extends AnyStreamEvent> {
  count: number;
  delay?: RetryDelay | undefined;
  retryable?: ((error: MessageStreamError) => boolean) | undefined;
  ignoreRetryAfter?: boolean | undefined;
  /** Whether a delay of 0 is synchronous, without the scheduler. Default: `false`. */
  isImmediate?: boolean | undefined;
  onRetry?: ((context: RetryContext<E>) => void) | undefined;
  scheduler?: SchedulerLike | undefined;
}

/** The attempts of one subscription. */
export interface Attempts<E extends AnyStreamEvent> {
  /** Resets the count of attempts, because new content has arrived. */
  progress(): void;
  /** Whether the error is worth another attempt. */
  isRetryable(error: MessageStreamError): boolean;
  /** Whether another attempt may follow this error. */
  mayFollow(error: MessageStreamError): boolean;
  /** Calls the callback, and then emits when the next attempt may begin. */
  wait(context: Omit<ResumeContext<E>, 'attempt'> & { attempt?: number }): Observable<unknown>;
}

/**
 * The common retry rule of `retryResumable`, `fallbackTo`, `fromRelay` and `fromSession`.
 *
 * - Another attempt follows a `retryable` error, at most `count` times without progress.
 * - The server's `retry-after` replaces the delay.
 * - The default delay is short and random: when a page closes, its connection breaks just before the
 *   page is gone, and an immediate retry would pay for another reply that nobody reads.
 *
 * @throws TypeError when `count` or `delay` is out of its range.
 */
export function reconnecting<E extends AnyStreamEvent>(
  name: string,
  {
    count,
    delay = exponentialBackoff({ initial: 200 }),
    retryable = (error) => error.retryable,
    ignoreRetryAfter = false,
    isImmediate = false,
    onRetry,
    scheduler,
  }: ReconnectConfig<E>,
): () => Attempts<E> {
  requireNumbers(name, { count }, { min: 0, whole: true });
  if (typeof delay !== 'function') {
    requireNumbers(
      name,
      { delay },
      { min: 0, what: 'a function that returns milliseconds, or a number of milliseconds' },
    );
  }
  return () => {
    let retries = 0;
    return {
      progress: () => {
        retries = 0;
      },
      isRetryable: retryable,
      mayFollow: (error) => retries < count && retryable(error),
      wait: ({ error, partial, attempt = retries + 2 }) => {
        retries++;
        const asked = ignoreRetryAfter ? undefined : error.retryAfterMs;
        const own = typeof delay === 'function' ? delay(error, retries) : delay;
        const milliseconds = Math.min(asked ?? own, LONGEST_TIMER);
        onRetry?.({ attempt, error, delay: milliseconds, partial });
        return isImmediate && milliseconds === 0 ? of(0) : timer(milliseconds, scheduler);
      },
    };
  };
}
