import {
  catchError,
  defer,
  type MonoTypeOperatorFunction,
  type Observable,
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import { whenAborted } from '../src/flow/whenAborted.ts';
import type { MessageStreamError } from '../src/message/MessageStreamError.ts';
import { PartialMessage } from '../src/message/PartialMessage.ts';
import type { StreamEvent } from '../src/message/StreamEvent.ts';

export interface TakeUntilAbortedConfig {
  /**
   * Whether the `partial` of the error holds the content. With `false` it holds everything else, and
   * memory does not grow with the reply. Default: `true`.
   */
  keepContent?: boolean;
}

/**
 * Mirrors the source until the signal aborts, then errors with code `aborted`.
 *
 * ```text
 * source  --a--b--c--d--|
 * signal  -------x
 *         takeUntilAborted(signal)
 * result  --a--b-#
 * ```
 *
 * It is `takeUntil` for an `AbortSignal`. The result errors instead of completing, because an aborted
 * reply is incomplete. The `cause` of the error is the signal's reason. If the values are stream
 * events, `partial` is the message so far.
 *
 * - If the signal has already aborted, the source is not subscribed.
 * - Error, complete: passed on, and the listener is removed from the signal.
 * - Unsubscribe: the source is unsubscribed, and the listener is removed from the signal.
 *
 * @throws TypeError when `signal` is not an `AbortSignal`.
 *
 * @example
 * ```ts
 * import { fromResponse, takeUntilAborted, textOnly } from 'claude-rx';
 *
 * const stop = new AbortController();
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }))
 *   .pipe(takeUntilAborted(stop.signal), textOnly())
 *   .subscribe({ next: console.log, error: (error) => console.error(error.message) });
 * stop.abort(new Error('the user pressed Stop'));
 * ```
 */
export function takeUntilAborted<T>(
  signal: AbortSignal,
  { keepContent = true }: TakeUntilAbortedConfig = {},
): MonoTypeOperatorFunction<T> {
  const aborted = whenAborted(signal);
  return (source) =>
    defer(() => {
      const received = new PartialMessage(keepContent);
      const withPartial = catchError<never, Observable<never>>((error: MessageStreamError) =>
        throwError(() => error.with({ partial: () => received.partial })),
      );
      return source.pipe(
        tap((value) => {
          // The builder ignores values that are not events.
          if (value) received.push(value as unknown as StreamEvent);
        }),
        takeUntil(aborted.pipe(withPartial)),
      );
    });
}
