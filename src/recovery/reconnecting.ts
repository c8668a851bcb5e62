import { type Observable, of, type SchedulerLike, timer } from 'rxjs';
import { LONGEST_TIMER } from '../flow/longestTimer.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyStreamEvent, MessageOf, StreamEvent } from '../message/StreamEvent.ts';
import { exponentialBackoff } from './exponentialBackoff.ts';
import { requireNumbers } from '../flow/require.ts';

/** What is known when an attempt has broken. */
export interface ResumeContext<E extends AnyStreamEvent = StreamEvent> {
  /**
   * The number of the attempt that is about to begin: 2 for the first retry. `retryResumable` and
   * `fallbackTo` count attempts that were made before them, or inside of one, too.
   */
  attempt: number;
  /** What ended the attempt before. */
  error: MessageStreamError;
  /** The reply as far as it has arrived; `undefined` where not even `message_start` has. */
  partial: MessageOf<E> | undefined;
}

/** What every callback about another attempt receives. */
export interface RetryContext<E extends AnyStreamEvent = StreamEvent> extends ResumeContext<E> {
  /** How long it waits before the attempt, in milliseconds. */
  delay: number;
}

/** Milliseconds before an attempt, or a function that gives them, such as `exponentialBackoff()`. */
export type RetryDelay = number | ((error: MessageStreamError, retry: number) => number);

export interface ReconnectConfig<E extends AnyStreamEvent> {
  count: number;
  delay?: RetryDelay | undefined;
  retryable?: ((error: MessageStreamError) => boolean) | undefined;
  ignoreRetryAfter?: boolean | undefined;
  /** A delay of 0 takes no turn of the scheduler. */
  isImmediate?: boolean | undefined;
  onRetry?: ((context: RetryContext<E>) => void) | undefined;
  scheduler?: SchedulerLike | undefined;
}

/** The attempts of one subscription. */
export interface Attempts<E extends AnyStreamEvent> {
  /** Something new has arrived: attempts are counted from here. */
  progress(): void;
  /** Whether the error is worth another attempt. */
  isRetryable(error: MessageStreamError): boolean;
  /** Whether another attempt may follow this error. */
  mayFollow(error: MessageStreamError): boolean;
  /** Calls the callback, then emits when the next attempt may begin. */
  wait(context: Omit<ResumeContext<E>, 'attempt'> & { attempt?: number }): Observable<unknown>;
}

/**
 * The one rule by which anything connects again, for `retryResumable`, `fallbackTo`, `fromRelay` and
 * `fromSession`.
 *
 * - An attempt follows an error that is `retryable`, at most `count` times without progress.
 * - The server's `retry-after` wins over the own delay.
 * - The default delay is short and random: a page that is being left sees its connection break just
 *   before it is gone, and would ask, and pay, for another reply that nobody reads.
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
      { min: 0, what: 'a function that gives milliseconds, or these' },
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
