import {
  identity,
  type MonoTypeOperatorFunction,
  Observable,
  type SchedulerAction,
  type SchedulerLike,
  tap,
} from 'rxjs';
import { LONGEST_TIMER } from './longestTimer.ts';
import { requireNumbers } from './require.ts';

export interface HeartbeatsOptions<T> {
  /** The name of the calling function, for error messages. */
  caller: string;
  /** Milliseconds of silence before a heartbeat; `Infinity` sends none. */
  every: number;
  /** The heartbeat. */
  beat: T;
  scheduler: SchedulerLike;
  /** Whether to skip a heartbeat that is due. Default: never. */
  isHeld?: (() => boolean) | undefined;
}

/**
 * Emits `beat` after each `every` milliseconds without a value.
 *
 * ```text
 * source  --a---b------------------|
 *         heartbeats({ every: 8, beat: 'h' })
 * result  --a---b-------h-------h--|
 * ```
 *
 * Error and complete are passed on. Unsubscribe leaves no timer.
 *
 * @throws TypeError when `every` is not a number above 0.
 */
export function heartbeats<T>({
  caller,
  every,
  beat,
  scheduler,
  isHeld,
}: HeartbeatsOptions<T>): MonoTypeOperatorFunction<T> {
  requireNumbers(caller, { heartbeat: every }, { above: 0, what: 'milliseconds' });
  if (every > LONGEST_TIMER) return identity;
  return (source) =>
    new Observable((subscriber) => {
      let lastAt = scheduler.now();
      // One timer, not one for each value: it checks how long ago the last value was.
      const check = function (this: SchedulerAction<void>): void {
        if (scheduler.now() - lastAt >= every) {
          lastAt = scheduler.now();
          if (!isHeld?.()) subscriber.next(beat);
        }
        if (!subscriber.closed) this.schedule(undefined, lastAt + every - scheduler.now());
      };
      subscriber.add(scheduler.schedule(check, every));
      source.pipe(tap(() => (lastAt = scheduler.now()))).subscribe(subscriber);
    });
}
