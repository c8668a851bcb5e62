import {
  asyncScheduler,
  concat,
  concatMap,
  defer,
  EMPTY,
  filter,
  map,
  materialize,
  type MonoTypeOperatorFunction,
  of,
  type SchedulerLike,
  switchMap,
  throwError,
  timer,
} from 'rxjs';
import { LONGEST_TIMER } from '../src/flow/longestTimer.ts';
import { requireNumbers, requireOneOf } from '../src/flow/require.ts';
import { TEXT_UNITS, TextSegmenter, type TextUnit } from '../src/text/TextSegmenter.ts';

export type { TextUnit } from '../src/text/TextSegmenter.ts';

export interface SegmentTextConfig {
  /** The language of the text, as for `Intl.Segmenter`. Default: the language of the platform. */
  locale?: string | string[];
  /**
   * The silence, in milliseconds, after which an unfinished unit is emitted as it is. Default:
   * `Infinity`: only more text or the end of the source finishes a unit.
   */
  settle?: number;
  /** The scheduler of `settle`. Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Splits streamed text into user-visible characters, words, sentences or lines.
 *
 * ```text
 * source  -a-b---c---|        a: 'Hi! How'  b: ' are you?'  c: ' Fine.'
 *         segmentText('sentence')
 * result  -x-----y---(z|)     x: 'Hi! '  y: 'How are you? '  z: 'Fine.'
 * ```
 *
 * - Nothing is lost, doubled or changed: the outputs joined are the inputs joined. No output is
 *   empty.
 * - A unit is emitted as soon as more text cannot change where it ends, so only when the text after it
 *   has arrived: "can" could become "can't".
 * - `'grapheme'`: an emoji family, a flag or a letter with its accents is one output.
 * - `'word'`: a word with the white space before it and the punctuation next to it, as in `'He'`,
 *   `' said'`, `' (“no”),'`. Words without spaces between them (Chinese, Japanese, Thai) are found by
 *   `Intl.Segmenter`, which needs 8 UTF-16 units of the following text (Thai, Lao, Khmer, Burmese: 24).
 * - `'sentence'`: a sentence with the white space after it. `Intl.Segmenter` decides where it ends; to
 *   it, "Dr. Smith" is two sentences: https://unicode.org/reports/tr29/#Sentence_Boundaries.
 * - `'line'`: a line with its line break, which is LF, CRLF or CR.
 * - Error, complete: the unfinished unit is emitted first, then the notification.
 * - Unsubscribe: the unfinished unit is dropped, and the source is unsubscribed.
 * - `settle` is for speech: with it, the last sentence before a tool call of 20 seconds does not wait
 *   for 20 seconds. It can cut a unit in two, but never a surrogate pair.
 * - The cost is linear in the text. If a unit has more than 1,024 UTF-16 units, its end may be found
 *   late, by up to a 16th of its length.
 *
 * @throws TypeError when the granularity is unknown, or `settle` is negative or not a number;
 * RangeError when the locale is malformed.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, segmentText, textOnly } from 'claude-rx';
 * import { concatMap } from 'rxjs';
 *
 * const speak = (
 *   client: Anthropic,
 *   params: Anthropic.MessageCreateParamsNonStreaming,
 *   say: (sentence: string) => Promise<void>,
 * ) =>
 *   fromMessages(client, params).pipe(
 *     textOnly(),
 *     segmentText('sentence', { locale: 'en', settle: 700 }),
 *     concatMap(say),
 *   );
 * ```
 */
export function segmentText(
  granularity: TextUnit,
  { locale, settle = Infinity, scheduler = asyncScheduler }: SegmentTextConfig = {},
): MonoTypeOperatorFunction<string> {
  requireOneOf('segmentText', 'granularity', granularity, TEXT_UNITS);
  requireNumbers('segmentText', { settle }, { min: 0, what: 'milliseconds' });
  Intl.getCanonicalLocales(locale);
  const silence = settle > LONGEST_TIMER ? EMPTY : timer(settle, scheduler);
  const settled = silence.pipe(map(() => undefined));

  return (source) =>
    defer(() => {
      const segmenter = new TextSegmenter(granularity, locale);
      return source.pipe(
        filter((text) => text !== ''),
        materialize(),
        switchMap((note) => (note.kind === 'N' ? concat(of(note), settled) : of(note))),
        // One after the other, also where an output makes the source emit.
        concatMap((note) => {
          if (note === undefined) return segmenter.settle();
          if (note.kind === 'N') return segmenter.push(note.value);
          return note.kind === 'C'
            ? segmenter.end()
            : concat(
                segmenter.end(),
                throwError(() => note.error),
              );
        }),
      );
    });
}
