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
  /** Units that are never cut: user-visible characters, or words. Default: `'grapheme'`. */
  unit?: 'grapheme' | 'word';
  /** Units per second, or `'adaptive'`: as fast as they arrive. Default: `'adaptive'`. */
  rate?: number | 'adaptive';
  /** The longest delay of a text, in milliseconds. Default: 500. */
  maxLatency?: number;
  /** The shortest time between two outputs, in milliseconds. Default: 16. */
  frame?: number;
  /**
   * The silence, in milliseconds, after which the last character or word counts as finished. Default:
   * `maxLatency - frame`, and 1,000 at most.
   */
  settle?: number;
  /** Whether to emit all waiting text at once when the source completes. Default: `false`. */
  endAtOnce?: boolean;
  /** The language of the text, as for `Intl.Segmenter`. Default: the language of the platform. */
  locale?: string | string[];
  /** The scheduler of the outputs. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Emits text that arrives in bursts at an even pace, with a bounded delay: the typewriter effect.
 *
 * ```text
 * source  a--------|          a: 'paced'
 *         smoothText({ frame: 2, maxLatency: 8 })
 * result  p-a-c-e-d|
 * ```
 *
 * - Nothing is lost, doubled or changed: the outputs joined are the inputs joined. No output is
 *   empty. No output cuts a user-visible character or, with `unit: 'word'`, a word of
 *   `segmentText('word')`.
 * - All text is emitted within `maxLatency` of its arrival, however much it is: 300 words at once take
 *   as long as 30. With `'adaptive'`, frequent text is emitted sooner: within 1.5 times the time between
 *   two arrivals. When this time gets longer, the pace adapts at once; when it gets shorter, step by
 *   step. A `rate` is exceeded if text would otherwise be late.
 * - There is at most one output per `frame`, except at the end. The first text after a silence does
 *   not wait.
 * - The last character or word could still grow. It is held back until more text arrives, the source
 *   ends, or nothing arrives for `settle`; only then does `maxLatency` apply to it. So text is late
 *   only if you set `settle` above its default. Half a surrogate pair waits for its other half or the
 *   end.
 * - Complete: waiting text is emitted at the same pace, and the result completes with the last of it.
 *   With `endAtOnce`, both happen at once.
 * - Error: waiting text is emitted at once, then the error.
 * - Unsubscribe: waiting text is dropped, and the source is unsubscribed.
 * - A timer runs only while text is waiting. The cost is linear in the text.
 *
 * @throws TypeError when `unit` is unknown, `rate` is not a finite number above 0, `frame` is below 1,
 * `maxLatency` is less than `frame` or is infinite without a `rate`, or `settle` is negative;
 * RangeError when the locale is malformed.
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
        // A timer that fires too early sets the next one, so not each text sets a timer.
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

/** A clock that stands still when the clock of the scheduler is set back. */
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
    throw new TypeError(
      'smoothText: `maxLatency` can be Infinity only with a `rate` in units per second',
    );
  }
  requireNumbers('smoothText', { settle }, { min: 0, what });
}
