import {
  identity,
  map,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
  takeUntil,
  timer,
} from 'rxjs';
import { CallFailure } from './CallFailure.ts';
import type { TurnCall } from './TurnCalls.ts';

/** A longer timer would fire at once: https://developer.mozilla.org/docs/Web/API/setTimeout. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Fails when the time is up, and aborts the signal of the call. */
export function within<T>(
  milliseconds: number,
  { block, controller }: TurnCall,
  scheduler: SchedulerLike | undefined,
): MonoTypeOperatorFunction<T> {
  if (milliseconds > LONGEST_TIMER) return identity;
  const timeUp = timer(milliseconds, scheduler).pipe(
    map(() => {
      const error = new DOMException(
        `'${block.name}' did not finish within ${milliseconds} ms`,
        'TimeoutError',
      );
      controller.abort(error);
      throw new CallFailure('timeout', error);
    }),
  );
  return takeUntil(timeUp);
}
