import {
  asyncScheduler,
  defer,
  identity,
  map,
  type MonoTypeOperatorFunction,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { LONGEST_TIMER } from '../flow/longestTimer.ts';
import { CallFailure } from './CallFailure.ts';
import type { RunToolsOptions } from './RunToolsOptions.ts';
import type { TurnCall } from './TurnCalls.ts';

/**
 * The time limit of a call: an operator for each of its steps. The limit applies to all steps together; the
 * time between steps does not count. At the limit, the step fails and the signal of the call aborts.
 */
export function timeLimit(
  milliseconds: number,
  { block, controller }: TurnCall,
  scheduler: RunToolsOptions['scheduler'] = asyncScheduler,
): <T>() => MonoTypeOperatorFunction<T> {
  if (milliseconds > LONGEST_TIMER) return () => identity;
  let left = milliseconds;
  const failed = () => {
    const error = new DOMException(
      `'${block.name}' did not finish within ${milliseconds} ms`,
      'TimeoutError',
    );
    controller.abort(error);
    throw new CallFailure('timeout', error);
  };
  return () => (source) =>
    defer(() => {
      const before = left;
      const startedAt = scheduler.now();
      return source.pipe(
        tap(() => (left = Math.max(0, before - Math.max(0, scheduler.now() - startedAt)))),
        takeUntil(timer(before, scheduler).pipe(map(failed))),
      );
    });
}
