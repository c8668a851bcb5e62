import {
  animationFrames,
  asyncScheduler,
  audit,
  defer,
  type MonoTypeOperatorFunction,
  race,
  type SchedulerLike,
  Subject,
  tap,
  timer,
} from 'rxjs';
import { hasFrames } from '../src/flow/hasFrames.ts';
import { requireNumbers } from '../src/flow/require.ts';

export interface AuditFrameConfig {
  /**
   * How long a value waits at most, in milliseconds, when there are no frames: in a hidden page, on a
   * server. Default: 250.
   */
  every?: number;
  /** The scheduler of that wait. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Emits the latest value at most once per animation frame: `auditTime` for a screen.
 *
 * ```text
 * frames  ---x---x---x---x
 * source  ab---c--d------|
 *         auditFrame()
 * result  ---b---c---d---|
 * ```
 *
 * Put it last, after an operator whose value contains everything so far, such as `messageState`,
 * `accumulateText` or `accumulateMessage`: the values between two frames are dropped. For text deltas,
 * which must not be dropped, use `bufferText({ frame: true })`.
 *
 * - Without frames, as in a hidden page and on a server, a value is emitted every `every` milliseconds.
 * - Complete, error: the waiting value is emitted at once, then the notification.
 * - Unsubscribe: the waiting value is dropped, and the source is unsubscribed.
 *
 * @throws TypeError when `every` is negative or not a number.
 *
 * @example
 * ```ts
 * import { auditFrame, fromResponse, messageState } from 'claude-rx';
 *
 * const state$ = fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal })).pipe(
 *   messageState(),
 *   auditFrame(),
 * );
 * // In Angular: readonly state = toSignal(state$);
 * state$.subscribe(({ status, text }) => console.log(status, text));
 * ```
 */
export function auditFrame<T>({
  every = 250,
  scheduler = asyncScheduler,
}: AuditFrameConfig = {}): MonoTypeOperatorFunction<T> {
  requireNumbers('auditFrame', { every }, { min: 0, what: 'milliseconds' });
  return (source) =>
    defer(() => {
      const ended = new Subject<void>();
      const end = () => ended.next();
      const pause = () => {
        const late = timer(every, scheduler);
        return race(hasFrames() ? [animationFrames(), late, ended] : [late, ended]);
      };
      return source.pipe(
        // Runs before the notification is passed on, so that the waiting value comes first.
        tap({ error: end, complete: end }),
        audit(pause),
      );
    });
}
