import {
  catchError,
  concatWith,
  defer,
  EMPTY,
  ignoreElements,
  type MonoTypeOperatorFunction,
  Observable,
  type ObservableInput,
  retry,
  type SchedulerLike,
  takeWhile,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { LONGEST_TIMER } from '../src/flow/longestTimer.ts';
import type { MessageStreamError } from '../src/message/MessageStreamError.ts';
import { messageText } from '../src/message/messageText.ts';
import { Splice } from '../src/recovery/Splice.ts';
import type { AnyStreamEvent, MessageOf } from '../src/message/StreamEvent.ts';
import { toMessageStreamError, truncation } from '../src/message/toMessageStreamError.ts';

/** What is known when an attempt has broken. */
export interface ResumeContext<E extends AnyStreamEvent> {
  /** The reply as it was shown; `undefined` when not even `message_start` had arrived. */
  partial: MessageOf<E> | undefined;
  error: MessageStreamError;
  /**
   * The number of the attempt that is about to begin: 2 for the first continuation. Attempts that
   * were made before this operator, or inside of one, are counted.
   */
  attempt: number;
}

export interface RetryContext<E extends AnyStreamEvent> extends ResumeContext<E> {
  /** How long it waits before that, in milliseconds. */
  delay: number;
}

export interface RetryResumableConfig<E extends AnyStreamEvent> {
  /**
   * Gives the events that carry the reply on: `fromMessages(client, continueFrom(params, partial))`.
   * `continueFrom` also says how they join, whether they go on or begin anew: behind `fromMessages`,
   * and behind a `fromResponse` that reads what `toSse` wrote. Behind another source they are taken
   * to go on.
   */
  resume: (context: ResumeContext<E>) => ObservableInput<E>;
  /** How many times a broken reply is carried on, in total. Default: 3. */
  count?: number;
  /**
   * Counts anew after each attempt that made the text longer than it ever was, so that `count` is
   * the number of attempts in a row without progress. Default: `false`.
   */
  resetOnProgress?: boolean;
  /**
   * Milliseconds before an attempt, or a function that gives them, such as `exponentialBackoff()`.
   * What the server asked for, `error.retryAfterMs`, wins. Default: 0.
   */
  delay?: number | ((error: MessageStreamError, retry: number) => number);
  /** Does not wait for `error.retryAfterMs`. Default: `false`. */
  ignoreRetryAfter?: boolean;
  /**
   * Which errors are worth another attempt. Default: those with `retryable`. Whatever else was
   * thrown comes as an error with code `unknown` and that as its `cause`.
   */
  retryable?: (error: MessageStreamError) => boolean;
  /** Called before each wait: for a log, or a line that says "reconnecting". */
  onRetry?: (context: RetryContext<E>) => void;
  /** Where the waits are timed. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Carries a reply on that broke, so that nobody downstream notices: one `message_start`, contiguous
 * blocks, one ending, no character twice or missing.
 *
 * ```text
 * source    --m-[-a-b--#                  #: connection
 * resume               --m-[-c-]-x-S-----
 *           retryResumable({ resume })
 * result    --m-[-a-b----r---c-]-x-(S|)   r: resume, the rest in the blocks of the first message
 * ```
 *
 * It takes over after any error that is `retryable`: an error frame, a lost connection, an end
 * before `message_stop`, a stall (with `messageTimeout` before it, so that each attempt has clocks
 * of its own), a retryable HTTP error.
 *
 * - Kept is everything up to and including the most recent text. Thinking and tool calls after it
 *   cannot be continued (docs: /docs/en/build-with-claude/streaming#error-recovery) and are
 *   withdrawn by the event `resume`, which all accumulating operators honour. A call may so be made
 *   again: let tools that must not run twice wait for `finalMessage`.
 * - The text goes on in the block that was open, and in a new one where it had been ended. White
 *   space with which a text begins is given together with what follows it.
 * - White space that `continueFrom` did not send is not doubled, and what the continuation repeats
 *   of the text is dropped, if it is 12 characters or more: fewer cannot be told from new text.
 *   Text that may be a repeat is held back, 400 characters at most.
 * - A reply with a call that is kept ends with the `stop_reason` `tool_use`, since the caller owes
 *   the result, also where its continuation ends with `end_turn`.
 * - Usage is the sum over all attempts; `usage.attempts` lists them. Of one that was cut only what
 *   it had reported is known, so the sum is a lower bound.
 * - A reply that lacks nothing but `message_stop` is not asked for again, but ended.
 * - Error: one that is not retryable, and the last one after `count` retries, with the whole
 *   spliced message as `partial`, and `attempts`. What is no failure of a stream, such as a mistake
 *   in `resume` or in an operator before this one, is passed on unchanged.
 * - Complete: at `message_stop`.
 * - Unsubscribe: the attempt that runs, or the wait, ends at once.
 *
 * @throws TypeError when `resume` is no function, `count` no whole number from 0 on, or `delay`
 * neither milliseconds nor a function.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import {
 *   continueFrom,
 *   exponentialBackoff,
 *   fromMessages,
 *   messageTimeout,
 *   retryResumable,
 *   textOnly,
 * } from 'claude-rx';
 *
 * const client = new Anthropic();
 * const ask = (params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   fromMessages(client, params).pipe(messageTimeout({ liveness: 30_000, progress: 120_000 }));
 *
 * const params: Anthropic.MessageCreateParamsNonStreaming = {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 4096,
 *   messages: [{ role: 'user', content: 'Tell me a long story' }],
 * };
 * ask(params)
 *   .pipe(
 *     retryResumable({
 *       resume: ({ partial }) => ask(continueFrom(params, partial)),
 *       delay: exponentialBackoff(),
 *     }),
 *     textOnly(),
 *   )
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function retryResumable<E extends AnyStreamEvent>({
  resume,
  count = 3,
  resetOnProgress = false,
  delay = 0,
  retryable = (error) => error.retryable,
  ignoreRetryAfter = false,
  onRetry,
  scheduler,
}: RetryResumableConfig<E>): MonoTypeOperatorFunction<E> {
  if (typeof resume !== 'function') {
    throw new TypeError(
      'retryResumable: `resume` must be a function that gives the rest of a reply',
    );
  }
  if (!(count >= 0 && (count === Infinity || Number.isInteger(count)))) {
    throw new TypeError(`retryResumable: \`count\` must be a whole number from 0 on, not ${count}`);
  }
  if (typeof delay !== 'function' && !(delay >= 0)) {
    throw new TypeError(
      `retryResumable: \`delay\` must be milliseconds, or a function that gives them, not ${delay}`,
    );
  }
  return (source) =>
    new Observable<E>((subscriber) => {
      const splice = new Splice<E>((event) => subscriber.next(event));
      let next: ObservableInput<E> = source;
      let retries = 0;
      let longest = 0;

      const wait = (thrown: unknown): Observable<unknown> => {
        const error = toMessageStreamError(thrown);
        const { length } = messageText(splice.message);
        if (resetOnProgress && length > longest) retries = 0;
        longest = Math.max(longest, length);
        if (retries >= count || !retryable(error)) {
          splice.release();
          // What is no failure of a stream, such as a mistake in `resume`, is passed on unchanged.
          throw error.code === 'unknown' && error !== thrown ? thrown : splice.failure(error);
        }
        retries++;
        splice.break(error);
        const context = { partial: splice.message, error, attempt: splice.attempt };
        const asked = ignoreRetryAfter ? undefined : error.retryAfterMs;
        const own = typeof delay === 'function' ? delay(error, retries) : delay;
        const milliseconds = Math.min(asked ?? own, LONGEST_TIMER);
        onRetry?.({ ...context, delay: milliseconds });
        next = defer(() => resume(context));
        return timer(milliseconds, scheduler);
      };

      const finish = (thrown: unknown): Observable<never> => {
        if (!splice.canStop || !retryable(toMessageStreamError(thrown))) throw thrown;
        splice.stop();
        return EMPTY;
      };

      defer(() => next)
        .pipe(
          tap((event) => splice.push(event)),
          takeWhile(() => !splice.stopped),
          concatWith(defer(() => (splice.stopped ? EMPTY : throwError(truncation)))),
          catchError(finish),
          ignoreElements(),
          retry({ delay: wait }),
        )
        .subscribe(subscriber);
    });
}
