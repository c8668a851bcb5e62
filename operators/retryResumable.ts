import type { MonoTypeOperatorFunction, ObservableInput, SchedulerLike } from 'rxjs';
import type { MessageStreamError } from '../src/message/MessageStreamError.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';
import {
  reconnecting,
  type ResumeContext,
  type RetryContext,
  type RetryDelay,
} from '../src/recovery/reconnecting.ts';
import { spliced } from '../src/recovery/spliced.ts';
import { requireFunction } from '../src/flow/require.ts';

export type { ResumeContext, RetryContext, RetryDelay } from '../src/recovery/reconnecting.ts';

export interface RetryResumableConfig<E extends AnyStreamEvent> {
  /**
   * Returns the events of the continuation: `fromMessages(client, continueFrom(params, partial))`.
   * `continueFrom` also records whether the continuation goes on or starts over. This works with
   * `fromMessages`, and with `fromResponse` if the server uses `toSse`. Events of another source are
   * assumed to go on.
   */
  resume: (context: ResumeContext<E>) => ObservableInput<E>;
  /** The maximum number of retries of a reply, in total. Default: 3. */
  count?: number;
  /**
   * Whether to reset the count after each attempt that made the text longer than ever before; `count`
   * is then the maximum number of retries in a row without progress. Default: `false`.
   */
  resetOnProgress?: boolean;
  /**
   * Milliseconds before a retry, or a function that returns them, such as `exponentialBackoff()`.
   * `error.retryAfterMs`, the delay that the server asked for, takes precedence. Default:
   * `exponentialBackoff({ initial: 200 })`. With 0, a browser that leaves the page may send one more
   * request, because it closes the connection first.
   */
  delay?: RetryDelay;
  /** Whether to ignore `error.retryAfterMs`. Default: `false`. */
  ignoreRetryAfter?: boolean;
  /**
   * Whether to retry after this error. Default: `error.retryable`. Any other thrown value is passed
   * as an error with code `unknown` whose `cause` is that value.
   */
  retryable?: (error: MessageStreamError) => boolean;
  /** Called before each wait, for a log or a "reconnecting" message. */
  onRetry?: (context: RetryContext<E>) => void;
  /** The scheduler of the waits. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Resumes a reply that broke. Downstream there is one message: one `message_start`, contiguous
 * blocks, one ending, and no character is doubled or missing.
 *
 * ```text
 * source    --m-[-a-b--#                  #: connection
 * resume               --m-[-c-]-x-S-----
 *           retryResumable({ resume })
 * result    --m-[-a-b----r---c-]-x-(S|)   r: resume, the rest in the blocks of the first message
 * ```
 *
 * It resumes after every error that is `retryable`: an error event, a lost connection, an end before
 * `message_stop`, a retryable HTTP error, and a stall, if `messageTimeout` is before it (inside
 * `resume` too, so that each attempt has its own clocks).
 *
 * - Everything up to and including the last text is kept. Thinking and tool calls after it cannot be
 *   continued (docs: /docs/en/build-with-claude/streaming#error-recovery). The event `resume`
 *   withdraws them, and all accumulating operators honour it. So the model may make a call again:
 *   if a tool must not run twice, wait for `finalMessage`.
 * - The text goes on in the block that was open, or in a new block if that had ended. White space at
 *   the start of a text is emitted together with the text that follows.
 * - White space that `continueFrom` had to omit is not doubled. If the continuation repeats 12 or more
 *   characters of the text, the repetition is dropped; a shorter one cannot be told from new text.
 *   Text that may be a repetition is held back, 400 characters at most.
 * - If a tool call is kept, the reply ends with the `stop_reason` `tool_use`, also when the
 *   continuation ends with `end_turn`: the call still needs its result.
 * - Usage is the sum of all attempts; `usage.attempts` lists them. The usage of an attempt that was
 *   cut off is known in part only, so the sum is a lower bound.
 * - A reply that lacks only `message_stop` is completed without another request.
 * - Error: an error that is not retryable, or the last one after `count` retries. Its `partial` is the
 *   whole joined message, and `attempts` the number of attempts. Other errors, such as a mistake in
 *   `resume` or in an operator before this one, are passed on unchanged.
 * - A loop of `runTools` is passed through unchanged, with its errors: put this operator inside the
 *   function that sends the request.
 * - Complete: at `message_stop`.
 * - Unsubscribe: the current attempt, or the wait, ends at once.
 *
 * @throws TypeError when `resume` is not a function, `count` is not a whole number from 0 on, or
 * `delay` is neither milliseconds nor a function.
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
  ...config
}: RetryResumableConfig<E>): MonoTypeOperatorFunction<E> {
  requireFunction(
    'retryResumable',
    'resume',
    resume,
    'a function that returns the rest of a reply',
  );
  return spliced({ resume, resetOnProgress }, reconnecting('retryResumable', { count, ...config }));
}
