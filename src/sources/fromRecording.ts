import { asyncScheduler, Observable, type SchedulerLike } from 'rxjs';
import { requireNumbers } from '../flow/require.ts';
import { readRecording, type Recording, recordingLines } from '../message/recording.ts';
import type { AnyStreamEvent, StreamEvent } from '../message/StreamEvent.ts';
import { endings, type SourceOptions } from './SourceOptions.ts';

export type {
  RecordedError,
  RecordedLine,
  Recording,
  RecordingEntry,
} from '../message/recording.ts';

export interface FromRecordingConfig extends SourceOptions {
  /** How many times as fast as recorded; `Infinity` plays synchronously. Default: 1. */
  speed?: number | undefined;
  /** Whose clock to play by. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
  /**
   * The longest line, in UTF-16 code units: a longer one is an error with code `protocol`. Default:
   * 67,108,864 (64 MiB of ASCII).
   */
  maxFrameLength?: number | undefined;
}

/**
 * Plays a recording of `record()`, or plain events one a line, with its timing.
 *
 * ```text
 * lines   {"at":0,"event":m} {"at":2,"event":t} {"at":4,"event":t} {"at":5,"event":S}
 *         fromRecording(lines)                S: message_stop
 * result  m-t-t(S|)
 *         fromRecording(lines, { speed: 2 })
 * result  mttS|                               (0, 1, 2 and 2.5 ms)
 * ```
 *
 * - Cold: each subscription plays from the beginning. What is at 0 ms, or late, is emitted in one
 *   synchronous run; there is never more than one timer.
 * - Error: a recorded error comes as a `MessageStreamError` with its code, at its time. A line that
 *   cannot be read is an error with code `protocol` which names the line; a recording that ends
 *   before `message_stop` is `truncated`.
 * - Complete: at `message_stop`.
 * - Unsubscribe: the timer is cleared; inside a run the next event is the first not emitted.
 *
 * @throws TypeError for a `speed` that is not above 0, and for lines that are neither a string nor
 *   iterable.
 *
 * @example
 * ```ts
 * import { fromRecording, textOnly } from 'claude-rx';
 * import { readFileSync } from 'node:fs';
 *
 * fromRecording(readFileSync('text.ndjson', 'utf8'), { speed: 4 })
 *   .pipe(textOnly())
 *   .subscribe((text) => process.stdout.write(text));
 * ```
 */
export function fromRecording<E extends AnyStreamEvent = StreamEvent>(
  lines: Recording,
  { speed = 1, scheduler = asyncScheduler, maxFrameLength, ...options }: FromRecordingConfig = {},
): Observable<E> {
  requireNumbers('fromRecording', { speed }, { above: 0 });
  requireNumbers('fromRecording', { maxFrameLength }, { min: 1 });
  // A copy, since an iterable may be one that runs only once, and subscriptions are many.
  const kept = recordingLines(lines);
  return new Observable<E>((subscriber) => {
    const entries = readRecording<E>(kept, maxFrameLength);
    const start = scheduler.now();
    let entry = entries.next();
    const play = (again: (wait: number) => void): void => {
      while (!subscriber.closed) {
        if (entry.done) return subscriber.complete();
        const wait = entry.value.at / speed - (scheduler.now() - start);
        if (wait > 0) return again(wait);
        if ('error' in entry.value) return subscriber.error(entry.value.error);
        subscriber.next(entry.value.event);
        if (!subscriber.closed) entry = entries.next();
      }
    };
    play((wait) => {
      const action = scheduler.schedule(function () {
        play((more) => this.schedule(undefined, more));
      }, wait);
      subscriber.add(action);
    });
  }).pipe(endings(options));
}
