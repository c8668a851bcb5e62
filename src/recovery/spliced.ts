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
  takeWhile,
  tap,
  throwError,
} from 'rxjs';
import { inOrder } from '../flow/inOrder.ts';
import { messageText } from '../message/messageText.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { fromApiError, toMessageStreamError, truncation } from '../message/toMessageStreamError.ts';
import type { Attempts, ResumeContext } from './reconnecting.ts';
import { Splice } from './Splice.ts';

interface SplicedConfig<E extends AnyStreamEvent> {
  resume: (context: ResumeContext<E>) => ObservableInput<E>;
  resetOnProgress?: boolean | undefined;
}

/** Joins the source and the continuations that `resume` returns into one reply. */
export function spliced<E extends AnyStreamEvent>(
  { resume, resetOnProgress = false }: SplicedConfig<E>,
  attemptsOf: () => Attempts<E>,
): MonoTypeOperatorFunction<E> {
  return (source) =>
    new Observable<E>((subscriber) => {
      const splice = new Splice<E>((event) => subscriber.next(event));
      const attempts = attemptsOf();
      let next: ObservableInput<E> = source;
      let longest = 0;

      const push = (event: E): void => {
        if ((event.type as string) === 'error') throw fromApiError({ body: event });
        splice.push(event);
      };

      const wait = (thrown: unknown): Observable<unknown> => {
        const error = toMessageStreamError(thrown);
        const { length } = messageText(splice.message);
        if (resetOnProgress && length > longest) attempts.progress();
        longest = Math.max(longest, length);
        // Only the request of a loop knows the rest of it.
        if (splice.isLoop || !attempts.mayFollow(error)) {
          splice.release();
          // Other errors, such as a mistake in `resume`, are passed on unchanged.
          throw error.code === 'unknown' && error !== thrown ? thrown : splice.failure(error);
        }
        splice.break(error);
        const context = { partial: splice.message, error, attempt: splice.attempt };
        next = defer(() => resume(context));
        return attempts.wait(context);
      };

      const finish = (thrown: unknown): Observable<never> => {
        if (!splice.canStop || !attempts.isRetryable(toMessageStreamError(thrown))) throw thrown;
        splice.stop();
        return EMPTY;
      };

      defer(() => next)
        .pipe(
          inOrder(),
          tap(push),
          takeWhile(() => !splice.stopped),
          concatWith(defer(() => (splice.stopped ? EMPTY : throwError(truncation)))),
          catchError(finish),
          ignoreElements(),
          retry({ delay: wait }),
        )
        .subscribe(subscriber);
    });
}
