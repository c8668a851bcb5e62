import { animationFrames, audit, type MonoTypeOperatorFunction, race, take, timer } from 'rxjs';

/**
 * The latest value, at most once an animation frame: behind a state that holds all there is, nothing
 * is lost. Where there are no frames, as in a hidden page, it comes four times a second, so that a
 * reply ends there too (the `animationFrameScheduler` would stand still).
 */
export function latestEachFrame<T>(): MonoTypeOperatorFunction<T> {
  return audit(() => race(animationFrames(), timer(250)).pipe(take(1)));
}
