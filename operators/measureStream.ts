import {
  asyncScheduler,
  defer,
  ignoreElements,
  interval,
  type MonoTypeOperatorFunction,
  NEVER,
  type SchedulerLike,
  takeUntil,
  tap,
} from 'rxjs';
import { LONGEST_TIMER } from '../src/flow/longestTimer.ts';
import { requireFunction, requireNumbers } from '../src/flow/require.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';
import { StreamMeter, type StreamMeasurements } from '../src/flow/StreamMeter.ts';

export type { StreamMeasurements } from '../src/flow/StreamMeter.ts';

export interface MeasureStreamConfig {
  /** A stall is a silence after content that is longer than this, in milliseconds. Default: 5,000. */
  stallAfter?: number;
  /**
   * Milliseconds between reports while the stream runs, with the outcome `running`. Default:
   * `Infinity`, which reports only at the end.
   */
  every?: number;
  /** The scheduler of the reports; its `now()` is the clock. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Passes the events through unchanged, and calls `observer` once, at the end, with measurements:
 * times, stalls, size, tokens and outcome.
 *
 * ```text
 * source    -m--[t-p-t-]x--(S|)      [, t, ]: a text block  p: ping  S: message_stop
 *           measureStream(observer)
 * result    -m--[t-p-t-]x--(S|)
 * observer  ---------------M         outcome: 'complete'
 * ```
 *
 * The end is a completion, an error or an unsubscribe: see `outcome`. Put it behind operators whose
 * errors it should report, such as `messageTimeout`, and before operators that unsubscribe early.
 * For live measurements, set `every`.
 *
 * - Error, complete: `observer` is called first, then the notification is passed on.
 * - Unsubscribe: the source is unsubscribed, then `observer` is called.
 * - An `observer` that throws is not called again. The error is handled as in `tap` and `finalize`:
 *   it becomes the error of the result, in place of the source's error, or `unsubscribe()` throws it.
 * - Each event costs one call of the clock. Percentiles are exact, and computed for each report only.
 *
 * @throws TypeError when `observer` is not a function, `every` is not above 0, or `stallAfter` is
 * negative.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, measureStream, textOnly } from 'claude-rx';
 *
 * const reply = (client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   fromMessages(client, params).pipe(
 *     measureStream(({ outcome, timeToFirstText, tokensPerSecond, stalls }) =>
 *       console.log(`${outcome}: ${timeToFirstText} ms, ${tokensPerSecond} tokens/s`, stalls),
 *     ),
 *     textOnly(),
 *   );
 * ```
 */
export function measureStream<E extends AnyStreamEvent>(
  observer: (measurements: StreamMeasurements) => void,
  { stallAfter = 5_000, every = Infinity, scheduler = asyncScheduler }: MeasureStreamConfig = {},
): MonoTypeOperatorFunction<E> {
  const what = 'milliseconds';
  requireFunction('measureStream', 'observer', observer, 'a function that takes the measurements');
  requireNumbers('measureStream', { stallAfter }, { min: 0, what });
  requireNumbers('measureStream', { every }, { above: 0, what });
  return (source) =>
    defer(() => {
      const meter = new StreamMeter(scheduler.now(), stallAfter);
      let hasThrown = false;
      const report = (outcome: StreamMeasurements['outcome'], error?: unknown) => {
        if (hasThrown) return;
        try {
          observer(meter.measure(scheduler.now(), outcome, error));
        } catch (thrown) {
          hasThrown = true;
          throw thrown;
        }
      };
      const reports = every > LONGEST_TIMER ? NEVER : interval(every, scheduler);
      return source.pipe(
        tap({
          next: (event) => meter.push(event, scheduler.now()),
          complete: () => report('complete'),
          error: (error) => report('error', error),
          unsubscribe: () => report(meter.stopped ? 'complete' : 'unsubscribed'),
        }),
        // As a notifier, so that an error of the observer becomes an error of the result here too.
        takeUntil(
          reports.pipe(
            tap(() => report('running')),
            ignoreElements(),
          ),
        ),
      );
    });
}
