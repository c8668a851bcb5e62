import { isControl, surrogateBoundary } from './graphemeBoundary.ts';
import { segmenterOf } from './segmenterOf.ts';

/** What text can be cut into: characters as people see them, words, sentences or lines. */
export type TextUnit = 'grapheme' | 'word' | 'sentence' | 'line';

export const TEXT_UNITS: readonly TextUnit[] = ['grapheme', 'word', 'sentence', 'line'];

/**
 * Where a text that begins at a boundary has boundaries: those that stay, whatever is appended, or
 * where nothing is appended, all but the last.
 */
type FindBoundaries = (text: string, isAll: boolean) => Iterable<number>;

/**
 * The most that is looked at in one go, in UTF-16 code units. In V8 each step of a segmenter costs
 * as much as the text is long, so 1 MB in one go takes minutes.
 */
const WINDOW = 256;

/**
 * Cuts text that arrives in pieces into units, each of which comes out as soon as no further text
 * could change where it ends. The units joined are the pieces joined.
 *
 * Only the unfinished end is looked at again. One that is longer than `4 * WINDOW` is looked at when
 * it has grown by a 16th, so that the cost stays linear in the text, however it is cut.
 */
export class TextSegmenter {
  readonly #find: FindBoundaries;
  readonly #words: Words | undefined;
  #rest = '';
  /** How much of the rest was looked at, and had no boundary. */
  #looked = 0;

  constructor(unit: TextUnit, locale?: string | string[]) {
    this.#find = finders[unit](locale);
    if (unit === 'word') this.#words = new Words();
  }

  /** How much text is held back, in UTF-16 code units. */
  get held(): number {
    return this.#rest.length + (this.#words?.waiting.length ?? 0);
  }

  /** Whether more is held back than half a surrogate pair. */
  get canSettle(): boolean {
    return this.held > this.#rest.length || surrogateBoundary(this.#rest) > 0;
  }

  /** Takes the next piece and gives the units that are certain by it. */
  push(text: string): string[] {
    const found: string[] = [];
    for (let at = 0; at < text.length; at += WINDOW) {
      this.#rest += text.slice(at, at + WINDOW);
      this.#look(found);
    }
    return this.#join(found);
  }

  /** Gives what is held back as if it were finished, but for half a surrogate pair at its end. */
  settle(): string[] {
    const end = surrogateBoundary(this.#rest);
    const half = this.#rest.slice(end);
    this.#rest = this.#rest.slice(0, end);
    const units = this.end();
    this.#rest = half;
    return units;
  }

  /** Gives what is held back, when no more text comes. */
  end(): string[] {
    const found: string[] = [];
    for (let before = Infinity; this.#rest.length < before;) {
      before = this.#rest.length;
      this.#look(found, true);
    }
    if (this.#rest !== '') found.push(this.#rest);
    this.#rest = '';
    this.#looked = 0;
    const units = this.#join(found);
    const last = this.#words?.end();
    return last ? [...units, last] : units;
  }

  #join(found: string[]): string[] {
    const words = this.#words;
    return words ? found.flatMap((segment) => words.push(segment)) : found;
  }

  #look(found: string[], isAll = false): void {
    const rest = this.#rest;
    const isLong = rest.length > 4 * WINDOW;
    if (isLong && !isAll && rest.length - this.#looked <= this.#looked >> 4) return;
    let start = 0;
    for (const end of this.#find(rest, isAll)) {
      found.push(rest.slice(start, end));
      start = end;
      if (isLong) break;
    }
    this.#rest = rest.slice(start);
    this.#looked = this.#rest.length;
    if (!isLong || start === 0) return;
    // What has gathered behind the long unit is short again, window by window.
    const behind = this.#rest;
    this.#rest = '';
    this.#looked = 0;
    for (let at = 0; at < behind.length; at += WINDOW) {
      this.#rest += behind.slice(at, at + WINDOW);
      this.#look(found);
    }
  }
}

/**
 * Joins the segments of the word segmenter, which has white space and each punctuation mark alone,
 * to words: a new one begins with white space, with an opening bracket or quotation mark, and with
 * a second word.
 */
class Words {
  // A rope while it grows: it is never looked into.
  waiting = '';
  #hasWord = false;
  #endsInSpace = false;

  push(segment: string): string[] {
    const isSpace = SPACE.test(segment);
    const isWord = WORD.test(segment);
    const begins = isSpace
      ? !this.#endsInSpace
      : this.#hasWord && (isWord || OPENING.test(segment));
    const finished = begins && this.waiting !== '' ? [this.waiting] : [];
    this.waiting = begins ? segment : this.waiting + segment;
    this.#hasWord = isWord || (this.#hasWord && !begins);
    this.#endsInSpace = isSpace;
    return finished;
  }

  end(): string {
    const { waiting } = this;
    this.waiting = '';
    this.#hasWord = this.#endsInSpace = false;
    return waiting;
  }
}

const SPACE = /^\s/;
const OPENING = /^[\p{Ps}\p{Pi}]/u;
const WORD =
  /^[\p{Alphabetic}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]|^\p{Pc}+[\p{L}\p{N}]/u;

const finders: Record<TextUnit, (locale?: string | string[]) => FindBoundaries> = {
  grapheme(locale) {
    const segmenter = segmenterOf('grapheme', locale);
    return function* (text, isAll) {
      const end = isAll ? text.length : surrogateBoundary(text);
      if (PLAIN.test(text)) {
        for (let at = 1; at < end; at++) yield at;
      } else {
        for (const { index } of segmenter.segment(text.slice(0, end))) if (index > 0) yield index;
      }
      if (end > 0 && isControl(text.charCodeAt(end - 1))) yield end;
    };
  },

  word(locale) {
    const segmenter = segmenterOf('word', locale);
    return function* (text, isAll) {
      const whole = isAll ? text : text.slice(0, surrogateBoundary(text));
      let before: Intl.SegmentData | undefined;
      for (const segment of segmenter.segment(whole)) {
        const { index } = segment;
        // As in "can" + "'t" and "3" + ".14", also with a mark on what stands between.
        const isLast = index + segment.segment.length === whole.length;
        const joins = isLast && !segment.isWordLike && !SPACE.test(segment.segment);
        const isOpen = (joins && before?.isWordLike) || isInRun(whole, index);
        if (isOpen && !isAll) return;
        if (index > 0) yield index;
        before = segment;
      }
    };
  },

  sentence(locale) {
    const segmenter = segmenterOf('sentence', locale);
    return function* (text, isAll) {
      const whole = isAll ? text : text.slice(0, surrogateBoundary(text));
      let before = '';
      for (const { index, segment } of segmenter.segment(whole)) {
        // A small letter to come would join "e.g. (" and what follows: UAX #29, rule SB8.
        const isOpen = !PARAGRAPH.test(before) && !DECISIVE.test(segment);
        if (index > 0 && isOpen && !isAll) return;
        if (index > 0) yield index;
        before = segment;
      }
      if (PARAGRAPH.test(before) && !before.endsWith('\r')) yield whole.length;
    };
  },

  line() {
    return function* (text) {
      for (const { index, 0: lineBreak } of text.matchAll(/\r\n|\r|\n/g)) {
        const end = index + lineBreak.length;
        if (lineBreak !== '\r' || end < text.length) yield end;
      }
    };
  },
};

/** Characters that are one cluster each. */
const PLAIN = /^[\n -~]*$/;
const PARAGRAPH = /[\n\r\u0085\u2028\u2029]$/;
// A mark belongs to what is before it (rule SB5), also one that counts as alphabetic.
const DECISIVE =
  /(?!\p{M})[\p{Alphabetic}\p{Sentence_Terminal}.\u2024\ufe52\uff0e\n\r\u0085\u2028\u2029]/u;

/**
 * Scripts without spaces between words, whose words are found in a dictionary, and how much text
 * behind a boundary is waited for. Over sample texts a boundary was moved by text of at most 5 code
 * units behind it in Chinese and Japanese, and 16 in Thai, Khmer, Lao and Burmese.
 */
const runs = [
  { run: /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}ー\uff70\uff9e\uff9f\p{M}]*/uy, ahead: 8 },
  { run: /[\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}\p{M}\p{Cf}]*/uy, ahead: 24 },
] as const;

/** Whether a boundary is in a run of such a script, of which too little is known. */
function isInRun(text: string, boundary: number): boolean {
  if (text.length - boundary >= 24) return false;
  const last = Array.from(text.slice(Math.max(0, boundary - 2), boundary)).at(-1) ?? '';
  return runs.some(({ run, ahead }) => {
    run.lastIndex = 0;
    if (text.length - boundary >= ahead || run.exec(last)?.[0] === '') return false;
    run.lastIndex = boundary;
    return (run.exec(text)?.[0].length ?? 0) === text.length - boundary;
  });
}
