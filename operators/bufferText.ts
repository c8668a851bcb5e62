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
   * How long text may wait, in milliseconds. 0 joins what arrives in one turn of the event loop,
   * such as the text of one network chunk; `Infinity` leaves it to `maxLength`. Default: 50, or 16
   * with `frame`, where it holds while there are no frames.
   */
  every?: number;
  /** Whether text waits for the next animation frame instead, where there are any. Default: false. */
  frame?: boolean;
  /** Text is given out at once when so many UTF-16 units of it wait. Default: `Infinity`. */
  maxLength?: number;
  /** When this emits, the text that waits is given out and the result completes. */
  until?: ObservableInput<unknown>;
  /**
   * How long no text must have arrived, in milliseconds, for the last character to count as
   * finished. 0 finishes it at once, `Infinity` only with more text or the end. Default: 1,000.
   */
  settle?: number;
  scheduler?: SchedulerLike;
}

/** How long a frame may take, in milliseconds, before the page must have been hidden meanwhile. */
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
 * - Nothing is lost, doubled or changed: the outputs joined are the inputs joined. No output is
 *   empty.
 * - Text waits for `every` at most, its last character aside. A timer runs only while text waits:
 *   an idle stream has none.
 * - A character is not cut in two, neither a surrogate pair nor what people see as one character,
 *   such as a flag, a family emoji or a letter with its accents. The last character that waits could
 *   still grow, so it is kept for the next output, or until no text has arrived for `settle`: a full
 *   stop does not stay hidden while a tool call of 20 seconds follows. Half a surrogate pair is kept
 *   until its other half or the end comes.
 * - Error, complete: the text that waits is given out first, then the notification.
 * - Unsubscribe: the text that waits is dropped, and the source is unsubscribed. A `takeUntil`
 *   behind this operator unsubscribes; to stop without losing text, use `until`. A notifier that
 *   completes without a value does nothing, and its error is the result's.
 * - `frame: true`: one output per animation frame of the browser at most. Where there are no frames,
 *   as on a server, in a hidden page or while one does not come within 100 ms, time takes their
 *   place, so that text never piles up. (The `animationFrameScheduler` stands still in a hidden page,
 *   and with an `every` above 0 it has nothing to do with frames.)
 *
 * @throws TypeError when a number is negative or none, `maxLength` is below 1, `frame` is not a
 * boolean, or `until` cannot be subscribed to.
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
      // A rope while it grows: it is looked into only when it is given out.
      let waiting = '';
      /** How much of `waiting` was kept back when it was looked into. */
      let kept = 0;
      let arrivedAt = 0;
      let timer = Subscription.EMPTY;

      const arm = (delay: number, isFrame = false) => {
        timer.unsubscribe();
        // Set before scheduling, because a scheduler may call at once, and arm again.
        const own = (timer = new Subscription());
        if (isFrame) own.add(animationFrames().subscribe(flush));
        if (delay <= LONGEST_TIMER) own.add(scheduler.schedule(flush, delay));
      };
      const flush = () => {
        const silence = Math.max(0, scheduler.now() - arrivedAt);
        // Without new text it is the timer of `settle` that has fired.
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
        // A cluster without end is not looked through for each piece, but for each 16th part of it.
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
