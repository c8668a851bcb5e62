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
   * What the server asked for, `error.retryAfterMs`, wins. Default:
   * `exponentialBackoff({ initial: 200 })`. With 0, a page that is being left may send one more
   * request, since its connection breaks first.
   */
  delay?: RetryDelay;
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
 *   spliced message as `partial`, and `attempts`. Other errors, such as a mistake in `resume` or
 *   in an operator before this one, are passed on unchanged.
 * - A loop of `runTools` passes as it is, with its errors: put this operator inside of its function.
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
  ...config
}: RetryResumableConfig<E>): MonoTypeOperatorFunction<E> {
  requireFunction('retryResumable', 'resume', resume, 'a function that gives the rest of a reply');
  return spliced({ resume, resetOnProgress }, reconnecting('retryResumable', { count, ...config }));
}
