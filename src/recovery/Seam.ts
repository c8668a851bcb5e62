/**
 * A repeat shorter than this, in UTF-16 code units, cannot be told from new text that happens to
 * begin like the end of the old, and is kept.
 */
export const SHORTEST_REPEAT = 12;
/** How far back a repeat may begin, in UTF-16 code units; also the most that is ever held back. */
export const LONGEST_REPEAT = 400;
/** How much white space may come before the anchor, in UTF-16 code units. */
const LONGEST_LEAD = 8;

export interface SeamConfig {
  /** The text that was sent, or its end. */
  sent: string;
  /** What was shown after it and not sent, such as white space: its repetition is dropped. */
  leftOut?: string;
  /** Whether the continuation may repeat the end of the text, as it may after an instruction. */
  mayRepeat?: boolean;
  /** What the continuation was asked to begin with: the end of `sent`, from a character on. */
  anchor?: string;
}

/**
 * Joins a continuation to the text that was shown: what it repeats of the end of that text is
 * dropped, and nothing else.
 *
 * 1. The anchor at its start is a repeat, also in periodic text, where more would match; so is one
 *    that the end of the text cuts short.
 * 2. Without an anchor, the longest start that is the end of the text sent is a repeat, from
 *    `SHORTEST_REPEAT` to `LONGEST_REPEAT` code units.
 * 3. What then repeats the text that was left out, code unit for code unit, is dropped too.
 *
 * A repeat begins with the first character. Before an anchor, which was asked for, may be up to 8
 * code units of white space, which go with it. Before another repeat they may not: indented code
 * repeats itself line by line. A quotation mark is never passed over, as the one that ends the
 * quotation would be left.
 *
 * Text is held back only while it may still turn out to be a repeat: fewer than `LONGEST_REPEAT`
 * code units, and none where it neither occurs in the end of the text nor may lead to the anchor.
 * How the text is cut into pieces makes no difference.
 */
export class Seam {
  readonly #tail: string;
  readonly #anchor: string;
  /** What is left of the text that was left out, as long as all that came repeated it. */
  #leftOut: string;
  /** The start of the continuation, until it is known whether it is a repeat. */
  #head: string | undefined;

  constructor({ sent, leftOut = '', mayRepeat = false, anchor = '' }: SeamConfig) {
    this.#tail = sent.slice(-LONGEST_REPEAT);
    this.#anchor = anchor;
    this.#leftOut = leftOut;
    this.#head = mayRepeat ? '' : undefined;
  }

  /** Takes the next piece of the continuation and gives what is certain to be new. */
  push(text: string): string {
    if (this.#head === undefined) return this.#skipLeftOut(text);
    this.#head += text;
    if (this.#isUndecided(this.#head)) return '';
    return this.#decide(this.#repeated(this.#head));
  }

  /** Gives what is held back, when the text that it belongs to is over. */
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

  /** Whether more text could make of the head a repeat, or a longer one. */
  #isUndecided(head: string): boolean {
    if (this.#anchored(head) > 0) return false;
    if (this.#leadsToAnchor(head)) return true;
    const at = this.#tail.indexOf(head);
    return at >= 0 && at + head.length < this.#tail.length;
  }

  /** How many code units at the start of the head are a repeat. */
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

/** The length of the white space at the start, as far as it may come before an anchor. */
function leadOf(text: string): number {
  return Math.min(text.length - text.trimStart().length, LONGEST_LEAD);
}

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}
