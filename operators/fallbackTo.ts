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
  /** Gives the events that carry the reply on, as that of `retryResumable` does. */
  resume: (context: ResumeContext<E>) => ObservableInput<E>;
  /** Which errors call for the other source. Default: those with `retryable`. */
  when?: (error: MessageStreamError) => boolean;
  /** Falls back also when the model declines: on the `stop_reason` `refusal`. Default: `false`. */
  onRefusal?: boolean;
  /** Milliseconds before the other source is subscribed, or a function that gives them. Default: 0. */
  delay?: RetryDelay;
  /** Called before the other source is subscribed. */
  onRetry?: (context: RetryContext<E>) => void;
  /** Where the delay is timed. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Lets another source carry the reply on, such as another model, when the first one has failed.
 *
 * ```text
 * source    -m-[-a-#                 #: overloaded
 * other            -m-[-b-]-x-S--
 *           fallbackTo({ resume: () => other })
 * result    -m-[-a--r---b-]-x-(S|)   r: resume, with the model of the other
 * ```
 *
 * Put it behind `retryResumable`, whose attempts it follows. The parts are joined as there, and the
 * event `resume` corrects the `model` of the message.
 *
 * - A refusal is not fallen back from unless `onRefusal` is set. The text before it stands, and
 *   what it has used is counted; its `message_delta` comes without the reason to stop.
 * - The other source is subscribed at once, in the same turn of the event loop, also where the server
 *   that failed asked to wait (`error.retryAfterMs`). Option `delay` waits.
 * - Error: one that `when` does not accept, unchanged; and what the other source ends with, with the
 *   whole spliced message as `partial` and the number of all `attempts`.
 * - Complete: at `message_stop`.
 * - Unsubscribe: whichever source runs is unsubscribed.
 *
 * @throws TypeError when `resume` or `when` is no function, or `delay` neither milliseconds nor a function.
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
  requireFunction('fallbackTo', 'when', when, 'a function that judges an error');
  const once = reconnecting('fallbackTo', {
    ...config,
    count: 1,
    delay,
    isImmediate: true,
    // It is another server that is asked, or the same one for another model.
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
  // What it has used counts, but it has not stopped.
  const delta = { ...event.delta, stop_reason: null, stop_details: null };
  return concat(
    of({ ...event, delta }),
    throwError(() => refusal),
  );
}
