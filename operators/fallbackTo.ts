import {
  concat,
  mergeMap,
  type MonoTypeOperatorFunction,
  type ObservableInput,
  of,
  throwError,
} from 'rxjs';
import { MessageStreamError } from '../src/message/MessageStreamError.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';
import { type ResumeContext, retryResumable } from './retryResumable.ts';

export interface FallbackToConfig {
  /** Which errors call for the other source. Default: those with `retryable`. */
  when?: (error: MessageStreamError) => boolean;
  /** Falls back also when the model declines: on the `stop_reason` `refusal`. Default: `false`. */
  onRefusal?: boolean;
}

/**
 * Lets another source carry the reply on, such as another model, when the first one has failed.
 *
 * ```text
 * source    -m-[-a-#                 #: overloaded
 * other            -m-[-b-]-x-S--
 *           fallbackTo(() => other)
 * result    -m-[-a--r---b-]-x-(S|)   r: resume, with the model of the other
 * ```
 *
 * Put it behind `retryResumable`, whose attempts it follows. The parts are joined as there, and the
 * event `resume` corrects the `model` of the message.
 *
 * - A refusal is not fallen back from unless `onRefusal` is set. The text before it stands, and
 *   what it has used is counted; its `message_delta` comes without the reason to stop.
 * - It does not wait, also where the server that failed asked to (`error.retryAfterMs`).
 * - Error: one that `when` does not accept, unchanged; and what the other source ends with, with the
 *   whole spliced message as `partial` and the number of all `attempts`.
 * - Complete: at `message_stop`.
 * - Unsubscribe: whichever source runs is unsubscribed.
 *
 * @throws TypeError when `resume` or `when` is no function.
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
 *     fallbackTo(({ partial }) => fromMessages(client, continueFrom(other, partial))),
 *     textOnly(),
 *   )
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function fallbackTo<E extends AnyStreamEvent>(
  resume: (context: ResumeContext<E>) => ObservableInput<E>,
  { when = (error) => error.retryable, onRefusal = false }: FallbackToConfig = {},
): MonoTypeOperatorFunction<E> {
  if (typeof resume !== 'function') {
    throw new TypeError('fallbackTo: pass a function that gives the rest of a reply');
  }
  if (typeof when !== 'function') {
    throw new TypeError('fallbackTo: `when` must be a function that judges an error');
  }
  const retry = retryResumable<E>({
    resume,
    count: 1,
    // It is another server that is asked, or the same one for another model.
    ignoreRetryAfter: true,
    retryable: (error) => (error.code === 'refusal' ? onRefusal : when(error)),
  });
  return onRefusal ? (source) => source.pipe(mergeMap(failOnRefusal<E>), retry) : retry;
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
