import {
  asyncScheduler,
  concat,
  finalize,
  ignoreElements,
  type MonoTypeOperatorFunction,
  Observable,
  type SchedulerLike,
  type Subscriber,
  Subscription,
  tap,
} from 'rxjs';
import { LONGEST_TIMER } from '../src/flow/longestTimer.ts';
import { requireNumbers, requireOneOf } from '../src/flow/require.ts';
import { TextPacer, type TextPacerConfig } from '../src/text/TextPacer.ts';

export interface SmoothTextConfig {
  /** What is never cut: characters as people see them, or words. Default: `'grapheme'`. */
  unit?: 'grapheme' | 'word';
  /** Units per second, or `'adaptive'`: as fast as they arrive. Default: `'adaptive'`. */
  rate?: number | 'adaptive';
  /** How much later than it arrived text comes out at the latest, in milliseconds. Default: 500. */
  maxLatency?: number;
  /** The least time between two outputs, in milliseconds. Default: 16. */
  frame?: number;
  /**
   * How long no text must have arrived, in milliseconds, for the last character or word to count
   * as finished. Default: `maxLatency - frame`, and 1,000 at most.
   */
  settle?: number;
  /** Whether what waits is given out at once when the source completes. Default: false. */
  endAtOnce?: boolean;
  /** The language of the text, as for `Intl.Segmenter`. Default: that of the platform. */
  locale?: string | string[];
  /** Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Types text that arrives in bursts evenly, and never falls behind.
 *
 * ```text
 * source  a--------|          a: 'paced'
 *         smoothText({ frame: 2, maxLatency: 8 })
 * result  p-a-c-e-d|
 * ```
 *
 * - Nothing is lost, doubled or changed: the outputs joined are the inputs joined. No output is
 *   empty, and none cuts a character as people see it, with `unit: 'word'` no word as of
 *   `segmentText('word')`.
 * - All text is out `maxLatency` after it arrived, however much it was: 300 words at once take as
 *   long as one burst of 30. `'adaptive'` takes less time when text comes more often: 1.5 times the
 *   time between two arrivals. It follows a longer time at once and a shorter one step by step. A
 *   `rate` holds as long as no text would be late by it.
 * - There is at most one output per `frame`, the last ones on the end aside. The first text after a
 *   silence does not wait.
 * - The last character or word could still grow. It is kept until more text, the end, or a silence
 *   of `settle` finishes it, and only then does it have to be out in time; so text is not late unless
 *   `settle` is set above its default. Half a surrogate pair is kept for its other half or the end.
 * - Complete: the text that waits comes at its pace, then the completion with its last; with
 *   `endAtOnce` both come at once.
 * - Error: the text that waits comes at once, then the error.
 * - Unsubscribe: the text that waits is dropped, and the source is unsubscribed.
 * - A timer runs only while text waits. The cost is linear in the text.
 *
 * @throws TypeError when `unit` is another, `rate` is no finite number above 0, `frame` is below 1,
 * `maxLatency` is less than a frame or infinite without a `rate`, or `settle` is negative; RangeError
 * when the locale is malformed.
 *
 * @example
 * ```ts
 * import { fromResponse, smoothText, textOnly } from 'claude-rx';
 *
 * fromResponse(() => fetch('/api/chat', { method: 'POST' }))
 *   .pipe(textOnly(), smoothText({ maxLatency: 300 }))
 *   .subscribe({ next: console.log, error: (error) => console.error(error.message) });
 * ```
 */
export function smoothText(config: SmoothTextConfig = {}): MonoTypeOperatorFunction<string> {
  const { scheduler = asyncScheduler, endAtOnce = false } = config;
  const { unit = 'grapheme', rate = 'adaptive', maxLatency = 500, frame = 16, locale } = config;
  const { settle = Math.max(0, Math.min(maxLatency - frame, 1_000)) } = config;
  requireValid({ unit, rate, maxLatency, frame, settle });
  Intl.getCanonicalLocales(locale);

  return (source) =>
    new Observable((subscriber) => {
      const pacer = new TextPacer({ unit, rate, maxLatency, frame, settle, locale });
      const now = steady(scheduler);
      let draining: Subscriber<never> | undefined;
      let timer = Subscription.EMPTY;
      let armedAt = Infinity;

      const arm = () => {
        const { nextAt } = pacer;
        // One that comes too early arms anew, so that not each text sets a timer.
        if (nextAt >= armedAt) return;
        timer.unsubscribe();
        armedAt = nextAt;
        // Set before scheduling, because a scheduler may call at once, and arm again.
        const own = (timer = new Subscription());
        own.add(scheduler.schedule(tick, Math.min(Math.max(0, nextAt - now()), LONGEST_TIMER)));
      };
      const tick = () => {
        armedAt = Infinity;
        const time = now();
        const text = time >= pacer.nextAt ? pacer.take(time) : '';
        arm();
        if (text) subscriber.next(text);
        if (pacer.isEmpty) draining?.complete();
      };
      const take = (text: string) => {
        if (text === '') return;
        pacer.push(text, now());
        arm();
      };
      const giveAll = () => {
        const text = pacer.takeAll();
        if (text) subscriber.next(text);
      };
      const drain = new Observable<never>((rest) => {
        pacer.end();
        if (endAtOnce) giveAll();
        if (pacer.isEmpty) return rest.complete();
        draining = rest;
        arm();
      });

      concat(source.pipe(tap({ next: take, error: giveAll }), ignoreElements()), drain)
        .pipe(finalize(() => timer.unsubscribe()))
        .subscribe(subscriber);
    });
}

/** A clock that stands still where that of the scheduler is set back. */
function steady(scheduler: SchedulerLike): () => number {
  let last = -Infinity;
  let offset = 0;
  return () => {
    offset = Math.max(offset, last - scheduler.now());
    return (last = scheduler.now() + offset);
  };
}

function requireValid({ unit, ...numbers }: Required<Omit<TextPacerConfig, 'locale'>>): void {
  const { rate, maxLatency, frame, settle } = numbers;
  const what = 'milliseconds';
  requireOneOf('smoothText', 'unit', unit, ['grapheme', 'word']);
  if (rate !== 'adaptive') {
    const either = "'adaptive' or units per second";
    requireNumbers('smoothText', { rate }, { above: 0, max: Number.MAX_VALUE, what: either });
  }
  requireNumbers('smoothText', { frame }, { min: 1, max: Number.MAX_VALUE, what });
  requireNumbers('smoothText', { maxLatency }, { min: frame, what });
  if (rate === 'adaptive' && maxLatency === Infinity) {
    throw new TypeError('smoothText: `maxLatency` can be Infinity only where a `rate` is given');
  }
  requireNumbers('smoothText', { settle }, { min: 0, what });
}
