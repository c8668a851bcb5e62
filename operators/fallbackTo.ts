import {
  concat,
  mergeMap,
  type MonoTypeOperatorFunction,
  type ObservableInput,
  of,
  type SchedulerLike,
  throwError,
} from 'rxjs';
import { MessageStreamError } from '../src/message/MessageStreamError.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';
import {
  reconnecting,
  type ResumeContext,
  type RetryContext,
  type RetryDelay,
} from '../src/recovery/reconnecting.ts';
import { spliced } from '../src/recovery/spliced.ts';
import { requireFunction } from '../src/flow/require.ts';

export interface FallbackToConfig<E extends AnyStreamEvent> {
  /** Returns the events of the other source, which continue the reply: as `resume` of `retryResumable`. */
  resume: (context: ResumeContext<E>) => ObservableInput<E>;
  /** Returns whether to fall back after this error. Default: if the error is `retryable`. */
  when?: (error: MessageStreamError) => boolean;
  /** Whether to fall back when the model declines, with the `stop_reason` `refusal`. Default: `false`. */
  onRefusal?: boolean;
  /** The wait before the other source is subscribed, in milliseconds or as a function. Default: 0. */
  delay?: RetryDelay;
  /** Called before the other source is subscribed. Default: nothing is called. */
  onRetry?: (context: RetryContext<E>) => void;
  /** The scheduler of the delay. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Continues the reply from another source, such as another model, when the first source fails.
 *
 * ```text
 * source    -m-[-a-#                 #: overloaded
 * other            -m-[-b-]-x-S--
 *           fallbackTo({ resume: () => other })
 * result    -m-[-a--r---b-]-x-(S|)   r: resume, with the model of the other
 * ```
 *
 * Put it after `retryResumable`, so that it falls back when all retries have failed. The parts are joined
 * as by `retryResumable`; the event `resume` sets the `model` of the message to the other model.
 *
 * - A refusal causes a fallback only with `onRefusal`. The text before the refusal stays and its usage
 *   is counted; its `message_delta` is emitted without the stop reason.
 * - The other source is subscribed at once, in the same turn of the event loop, even if the server
 *   that failed asked to wait (`error.retryAfterMs`). To wait, set `delay`.
 * - Error: an error that `when` does not accept is passed on unchanged. An error of the other source has
 *   the whole joined message as `partial`, and the number of all `attempts`.
 * - Complete: at `message_stop`.
 * - Unsubscribe: the running source is unsubscribed.
 *
 * @throws TypeError when `resume` or `when` is not a function, or `delay` is neither a number of
 * milliseconds nor a function.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { continueFrom, fallbackTo, fromMessages, textOnly } from 'claude-rx';
 *
 * const client = new Anthropic();
 * const params = {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user' as const, content: 'Hello' }],
 * };
 * const other = { ...params, model: 'claude-sonnet-4-5' };
 * fromMessages(client, params)
 *   .pipe(
 *     fallbackTo({
 *       resume: ({ partial }) => fromMessages(client, continueFrom(other, partial)),
 *     }),
 *     textOnly(),
 *   )
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function fallbackTo<E extends AnyStreamEvent>({
  resume,
  when = (error) => error.retryable,
  onRefusal = false,
  delay = 0,
  ...config
}: FallbackToConfig<E>): MonoTypeOperatorFunction<E> {
  requireFunction('fallbackTo', 'resume', resume, 'a function that gives the rest of a reply');
  requireFunction('fallbackTo', 'when', when, 'a function (error) => boolean');
  const once = reconnecting('fallbackTo', {
    ...config,
    count: 1,
    delay,
    isImmediate: true,
    // The request goes to another server or another model, so `retryAfterMs` does not apply.
    ignoreRetryAfter: true,
    retryable: (error) => (error.code === 'refusal' ? onRefusal : when(error)),
  });
  const splice = spliced({ resume }, once);
  return onRefusal ? (source) => source.pipe(mergeMap(failOnRefusal<E>), splice) : splice;
}

function failOnRefusal<E extends AnyStreamEvent>(event: E): ObservableInput<E> {
  if (event.type !== 'message_delta' || event.delta?.stop_reason !== 'refusal') return [event];
  const { stop_details: details } = event.delta;
  const said = details?.explanation ? `: ${details.explanation}` : '';
  const refusal = new MessageStreamError(`The model declined${said}`, {
    code: 'refusal',
    cause: details,
  });
  // The usage of the refusal counts, but the reply has not stopped.
  const delta = { ...event.delta, stop_reason: null, stop_details: null };
  return concat(
    of({ ...event, delta }),
    throwError(() => refusal),
  );
}
