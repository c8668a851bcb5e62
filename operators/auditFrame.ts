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
   * The longest that a value waits, in milliseconds, where no frame comes: in a hidden page, on a
   * server. Default: 250.
   */
  every?: number;
  /** Default: `asyncScheduler`. */
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
 * Put it last, behind an operator whose value holds everything so far, such as `messageState`,
 * `accumulateText` or `accumulateMessage`: the values between two frames are dropped. For deltas of
 * text, which must not be dropped, use `bufferText({ frame: true })`.
 *
 * - In a hidden page and on a server there are no frames: a value is emitted every `every`
 *   milliseconds, so that a reply ends there too.
 * - Complete, error: the value that waits is emitted at once, then the notification.
 * - Unsubscribe: the value that waits is dropped, and the source is unsubscribed.
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
        // Before the notification itself, so that what waits comes first.
        tap({ error: end, complete: end }),
        audit(pause),
      );
    });
}
