import {
  asyncScheduler,
  catchError,
  defer,
  map,
  of,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';

export interface RecordConfig {
  /** The scheduler whose `now()` is recorded. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike | undefined;
}

/**
 * Turns a stream of events into lines of JSON with their times, for `fromRecording` and `MessagesServer`.
 *
 * ```text
 * source  m-t--#
 *         record()
 * result  m-t--(e|)      m: {"at":0,"event":{...}}   t: {"at":2,...}   e: {"at":5,"error":{...}}
 * ```
 *
 * - A line has no line break, also not at its end; `at` is in milliseconds from the subscription.
 * - Error: the last line has the fields of its `MessageStreamError`, and the result completes, so that a
 *   file of the lines is complete.
 * - Complete, unsubscribe: as the source.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages } from 'claude-rx';
 * import { record } from 'claude-rx/testing';
 * import { writeFileSync } from 'node:fs';
 * import { toArray } from 'rxjs';
 *
 * fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user', content: 'Hello, Claude' }],
 * })
 *   .pipe(record(), toArray())
 *   .subscribe((lines) => writeFileSync('hello.ndjson', lines.join('\n')));
 * ```
 */
export function record<E extends AnyStreamEvent>({
  scheduler = asyncScheduler,
}: RecordConfig = {}): OperatorFunction<E, string> {
  return (source) =>
    defer(() => {
      const start = scheduler.now();
      const line = (entry: object) => oneLine({ at: scheduler.now() - start, ...entry });
      return source.pipe(
        map((event) => line({ event })),
        catchError((error: unknown) => of(line({ error: toMessageStreamError(error) }))),
      );
    });
}

/**
 * Escapes two characters that JSON allows, but at which some readers, such as Node's `readline`,
 * end a line.
 */
function oneLine(value: object): string {
  return JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
