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
  /** The language of the text, as for `Intl.Segmenter`. Default: that of the platform. */
  locale?: string | string[];
  /**
   * How long no text must have arrived, in milliseconds, for the unfinished unit to be given out
   * as it is. Default: `Infinity`, so that only more text or the end finishes it.
   */
  settle?: number;
  /** Default: `asyncScheduler`. */
  scheduler?: SchedulerLike;
}

/**
 * Cuts text anew: into characters as people see them, words, sentences or lines, however it came.
 *
 * ```text
 * source  -a-b---c---|        a: 'Hi! How'  b: ' are you?'  c: ' Fine.'
 *         segmentText('sentence')
 * result  -x-----y---(z|)     x: 'Hi! '  y: 'How are you? '  z: 'Fine.'
 * ```
 *
 * - Nothing is lost, doubled or changed: the outputs joined are the inputs joined. No output is
 *   empty.
 * - A unit comes out as soon as no further text could change where it ends, and so with the text
 *   behind it: "can" could become "can't", and "Dr. " decides itself with the next letter.
 * - `'grapheme'`: an emoji family, a flag or a letter with its accents is one output.
 * - `'word'`: a word comes with the white space before it and the punctuation that it touches, as in
 *   `'He'`, `' said'`, `' (“no”),'`. Words that are not divided by spaces, as in Chinese, Japanese and
 *   Thai, are found by the segmenter, with 8 (Thai, Lao, Khmer, Burmese: 24) UTF-16 units of the text
 *   behind them known.
 * - `'sentence'`: with the white space behind it. What is a sentence is decided by `Intl.Segmenter`,
 *   for which "Dr. Smith" is two: https://unicode.org/reports/tr29/#Sentence_Boundaries.
 * - `'line'`: with its line break, which is LF, CRLF or CR.
 * - Error, complete: what is unfinished is given out first, then the notification.
 * - Unsubscribe: it is dropped, and the source is unsubscribed.
 * - `settle` is for speech: the last sentence before a tool call of 20 seconds is not held back for
 *   so long. It can cut a unit in two, though never a surrogate pair.
 * - The cost is linear in the text. Of a unit above 1,024 UTF-16 units only the end can come up to a
 *   16th of it late.
 *
 * @throws TypeError when the granularity is unknown or `settle` is negative or no number, RangeError
 * when the locale is malformed.
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
