import {
  identity,
  map,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
  takeUntil,
  timer,
} from 'rxjs';
import { LONGEST_TIMER } from '../flow/longestTimer.ts';
import { CallFailure } from './CallFailure.ts';
import type { TurnCall } from './TurnCalls.ts';

/** Fails when the time is up, and aborts the signal of the call. */
export function withTimeout<T>(
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
