/**
 * A shorter repeat, in UTF-16 code units, is kept: new text may begin like the end of the old text by
 * chance.
 */
export const SHORTEST_REPEAT = 12;
/** How far back a repeat may begin, in UTF-16 code units; also the maximum that is held back. */
export const LONGEST_REPEAT = 400;
/** The maximum white space before the anchor, in UTF-16 code units. */
const LONGEST_LEAD = 8;

export interface SeamConfig {
  /** The text that was sent, or its end. */
  sent: string;
  /** Text that was emitted after `sent` and not sent, such as white space: its repetition is dropped. */
  leftOut?: string;
  /** Whether the continuation may repeat the end of the text, as it may after an instruction. */
  mayRepeat?: boolean;
  /** The words that the continuation was asked to begin with: the end of `sent`. */
  anchor?: string;
}

/**
 * Joins a continuation to the emitted text: drops the part that repeats the end of that text, and
 * nothing else.
 *
 * 1. The anchor at the start of the continuation is a repeat, even in periodic text, where more would
 *    match. An anchor that is cut short by the end of the text is a repeat too.
 * 2. Without an anchor, the longest start that equals the end of the sent text is a repeat, from
 *    `SHORTEST_REPEAT` to `LONGEST_REPEAT` code units.
 * 3. If the following text repeats `leftOut`, code unit for code unit, it is dropped too.
 *
 * A repeat begins with the first character. Only an anchor may have white space before it, up to 8 code
 * units, which is dropped too. Other repeats may not, because indented code repeats itself line by line.
 * A quotation mark before a repeat is not dropped, because the closing mark would be left.
 *
 * Text is held back only while it may turn out to be a repeat: fewer than `LONGEST_REPEAT` code units,
 * and none if it neither occurs in the end of the text nor can lead to the anchor. The division of the
 * text into pieces makes no difference.
 */
export class Seam {
  readonly #tail: string;
  readonly #anchor: string;
  /** The rest of `leftOut`, as long as the continuation repeats it. */
  #leftOut: string;
  /** The start of the continuation, until it is decided whether it is a repeat. */
  #head: string | undefined;

  constructor({ sent, leftOut = '', mayRepeat = false, anchor = '' }: SeamConfig) {
    this.#tail = sent.slice(-LONGEST_REPEAT);
    this.#anchor = anchor;
    this.#leftOut = leftOut;
    this.#head = mayRepeat ? '' : undefined;
  }

  /** Adds the next piece of the continuation; returns the text that is certainly new. */
  push(text: string): string {
    if (this.#head === undefined) return this.#skipLeftOut(text);
    this.#head += text;
    if (this.#isUndecided(this.#head)) return '';
    return this.#decide(this.#repeated(this.#head));
  }

  /** Returns the held back text, at the end of the text. */
  end(): string {
    const head = this.#head;
    if (head === undefined) return '';
    const isCutAnchor = this.#leadsToAnchor(head) && head.length - leadOf(head) >= SHORTEST_REPEAT;
    return this.#decide(isCutAnchor ? head.length : this.#repeated(head));
  }

  #decide(repeated: number): string {
    const rest = this.#head!.slice(repeated);
    this.#head = undefined;
    return this.#skipLeftOut(rest);
  }

  /** Whether more text could turn the head into a repeat, or into a longer repeat. */
  #isUndecided(head: string): boolean {
    if (this.#anchored(head) > 0) return false;
    if (this.#leadsToAnchor(head)) return true;
    const at = this.#tail.indexOf(head);
    return at >= 0 && at + head.length < this.#tail.length;
  }

  /** The number of code units at the start of the head that are a repeat. */
  #repeated(head: string): number {
    const anchored = this.#anchored(head);
    if (anchored > 0) return anchored;
    const most = Math.min(head.length, this.#tail.length);
    for (let length = most; length >= SHORTEST_REPEAT; length--) {
      if (this.#tail.endsWith(head.slice(0, length))) return length;
    }
    return 0;
  }

  #anchored(head: string): number {
    const lead = leadOf(head);
    const isAnchored = this.#anchor !== '' && head.startsWith(this.#anchor, lead);
    return isAnchored ? lead + this.#anchor.length : 0;
  }

  #leadsToAnchor(head: string): boolean {
    return this.#anchor !== '' && this.#anchor.startsWith(head.slice(leadOf(head)));
  }

  #skipLeftOut(text: string): string {
    if (this.#leftOut === '') return text;
    const length = commonLength(text, this.#leftOut);
    this.#leftOut = length === text.length ? this.#leftOut.slice(length) : '';
    return text.slice(length);
  }
}

/** The length of the white space at the start that may come before an anchor. */
function leadOf(text: string): number {
  return Math.min(text.length - text.trimStart().length, LONGEST_LEAD);
}

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}
