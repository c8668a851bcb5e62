import {
  animationFrames,
  asyncScheduler,
  from,
  ignoreElements,
  type MonoTypeOperatorFunction,
  Observable,
  type ObservableInput,
  type SchedulerLike,
  Subscription,
  takeUntil,
  tap,
} from 'rxjs';
import { hasFrames } from '../src/flow/hasFrames.ts';
import { LONGEST_TIMER } from '../src/flow/longestTimer.ts';
import { requireNumbers, requireOneOf } from '../src/flow/require.ts';
import { graphemeBoundary, surrogateBoundary } from '../src/text/graphemeBoundary.ts';

export interface BufferTextConfig {
  /**
   * How long text may wait, in milliseconds. 0 joins the text that arrives in one turn of the event
   * loop, such as the text of one network chunk; with `Infinity` only `maxLength` limits the wait.
   * Default: 50. With `frame` it applies only while there are no frames, and the default is 16.
   */
  every?: number;
  /** Whether text waits for the next animation frame instead, in a visible page. Default: `false`. */
  frame?: boolean;
  /** Text is emitted at once when this many UTF-16 units are waiting. Default: `Infinity`. */
  maxLength?: number;
  /** When this emits, the waiting text is emitted and the result completes. Default: it never emits. */
  until?: ObservableInput<unknown>;
  /**
   * After how many milliseconds without new text the last character counts as finished, and is emitted.
   * 0: at once; `Infinity`: only with more text or at the end. Default: 1,000.
   */
  settle?: number;
  scheduler?: SchedulerLike;
}

/** When a frame takes longer, in milliseconds, the page was probably hidden. */
const LATE_FRAME = 100;

/**
 * Joins text that arrives in quick succession: `bufferTime` for text.
 *
 * ```text
 * source  -a-b----------------c-|     a: 'Hel'  b: 'lo.'  c: ' Bye'
 *         bufferText({ every: 5, settle: 10 })
 * result  ------x------y--------(z|)  x: 'Hello'  y: '.'  z: ' Bye'
 * ```
 *
 * - No text is lost, doubled or changed: the joined outputs equal the joined inputs. No output is
 *   empty.
 * - Text waits at most `every`, except its last character. A timer runs only while text waits: an
 *   idle stream has no timer.
 * - A character is never split: neither a surrogate pair nor a grapheme cluster, such as a flag, a
 *   family emoji or a letter with its accents. The last character could still grow, so it waits for
 *   the next output, or until no text has arrived for `settle`. So a full stop does not stay hidden
 *   during a tool call of 20 seconds. Half a surrogate pair waits for its other half or the end.
 * - Error, complete: the waiting text is emitted first, then the notification.
 * - Unsubscribe: the waiting text is dropped, and the source is unsubscribed. A `takeUntil` after
 *   this operator unsubscribes it; to stop without losing text, use `until`. If `until` completes
 *   without a value, nothing happens; its error is passed on.
 * - `frame: true`: at most one output per animation frame of the browser. Without frames, as on a
 *   server or in a hidden page, `every` is used; if a frame takes longer than 100 ms, the text is
 *   emitted then. So text never piles up. (The `animationFrameScheduler` of RxJS stops in a hidden
 *   page, and with a delay above 0 it does not use frames.)
 *
 * @throws TypeError when `every` or `settle` is negative or not a number, `maxLength` is below 1,
 * `frame` is not a boolean, or `until` cannot be subscribed to.
 *
 * @example
 * ```ts
 * import { bufferText, fromResponse, textOnly } from 'claude-rx';
 * import { Subject } from 'rxjs';
 *
 * const stop = new Subject<void>();
 * fromResponse(() => fetch('/api/chat', { method: 'POST' }))
 *   .pipe(textOnly(), bufferText({ every: 50, until: stop }))
 *   .subscribe({ next: console.log, error: (error) => console.error(error.message) });
 * ```
 */
export function bufferText(
  intervalOrConfig: number | BufferTextConfig = {},
): MonoTypeOperatorFunction<string> {
  const config =
    typeof intervalOrConfig === 'number' ? { every: intervalOrConfig } : intervalOrConfig;
  const {
    frame = false,
    maxLength = Infinity,
    settle = 1_000,
    scheduler = asyncScheduler,
  } = config;
  const { every = frame ? 16 : 50 } = config;
  requireNumbers('bufferText', { every, settle }, { min: 0, what: 'milliseconds' });
  requireNumbers('bufferText', { maxLength }, { min: 1 });
  requireOneOf('bufferText', 'frame', frame, [true, false]);
  const until = config.until === undefined ? undefined : from(config.until);

  return (source) =>
    new Observable((subscriber) => {
      // A rope: it is only read when it is emitted, because reading copies it.
      let waiting = '';
      /** How many code units of `waiting` the last output held back. */
      let kept = 0;
      let arrivedAt = 0;
      let timer = Subscription.EMPTY;

      const arm = (delay: number, isFrame = false) => {
        timer.unsubscribe();
        // Set before scheduling, because a scheduler may call back synchronously and schedule again.
        const own = (timer = new Subscription());
        if (isFrame) own.add(animationFrames().subscribe(flush));
        if (delay <= LONGEST_TIMER) own.add(scheduler.schedule(flush, delay));
      };
      const flush = () => {
        const silence = Math.max(0, scheduler.now() - arrivedAt);
        // Without new text, the timer of `settle` has fired.
        const settled = waiting.length === kept || silence >= settle;
        const end = settled ? surrogateBoundary(waiting) : graphemeBoundary(waiting);
        const text = waiting.slice(0, end);
        waiting = waiting.slice(end);
        kept = waiting.length;
        arm(settled || surrogateBoundary(waiting) === 0 ? Infinity : settle - silence);
        if (text) subscriber.next(text);
      };
      const take = (text: string) => {
        if (text === '') return;
        const isFirst = waiting.length === kept;
        waiting += text;
        arrivedAt = scheduler.now();
        // A very long cluster is searched only after it has grown by a 16th, not for each piece.
        if (waiting.length >= maxLength && waiting.length - kept > kept >> 4) flush();
        else if (isFirst && frame && hasFrames()) arm(LATE_FRAME, true);
        else if (isFirst) arm(every);
      };
      const end = () => {
        if (waiting) subscriber.next(waiting);
      };

      (until ? source.pipe(takeUntil(until)) : source)
        .pipe(
          tap({ next: take, error: end, complete: end, finalize: () => timer.unsubscribe() }),
          ignoreElements(),
        )
        .subscribe(subscriber);
    });
}
