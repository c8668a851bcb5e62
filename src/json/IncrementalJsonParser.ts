import { GrowingString } from './GrowingString.ts';
import { JsonSyntaxError } from './JsonSyntaxError.ts';
import { JsonTree } from './JsonTree.ts';
import type { JsonPath, JsonValue } from './JsonValue.ts';
import { isWholeNumber, nextNumberPhase, type NumberPhase } from './numberPhase.ts';

export interface IncrementalJsonParserConfig {
  /**
   * How many arrays and objects may be open at a time. Default 1,000: a snapshot copies what is open,
   * and what is nested some thousand levels deep `JSON.stringify` cannot write again (it overflows
   * the stack), so such a tool input could never be sent back. `JSON.parse` itself has no limit:
   * `Infinity` takes all that it takes.
   */
  maxDepth?: number;
  /**
   * The path of an array whose elements are wanted one by one: `[]` is the root, `['results']` the
   * array at that key. Each element waits for `takeElements()` from when it is complete, and it takes
   * no snapshot to get it. Default: none.
   */
  elementsAt?: JsonPath;
  /**
   * Whether that array keeps its elements. With `false` the array in `value` never holds more than the
   * element that is being read, so memory does not grow with it. Default true.
   */
  keepElements?: boolean;
}

/** What is being read, or has to come next. */
type State =
  | 'value'
  | 'value or end'
  | 'key'
  | 'key or end'
  | 'colon'
  | 'after element'
  | 'after member'
  | 'string'
  | 'escape'
  | 'hex'
  | 'number'
  | 'literal'
  | 'done';

const EXPECTED: Readonly<Record<State, string>> = {
  value: 'a value',
  'value or end': 'a value or "]"',
  key: 'a key in double quotes',
  'key or end': 'a key in double quotes or "}"',
  colon: '":"',
  'after element': '"," or "]"',
  'after member': '"," or "}"',
  string: 'the rest of the string',
  escape: 'one of " \\ / b f n r t u',
  hex: 'a hexadecimal digit',
  number: 'the rest of the number',
  literal: 'true, false or null',
  done: 'the end of the text',
};

const LITERALS = { t: 'true', f: 'false', n: 'null' } as const;
const LITERAL_VALUES = { true: true, false: false, null: null } as const;
type Literal = keyof typeof LITERAL_VALUES;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** How much text an error quotes, and how much of the latest text is kept for it at least. */
const CONTEXT = 40;
const RECENT = 256;

/**
 * Reads JSON from pieces of text, and gives the value so far after each of them.
 *
 * ```
 * push   {"city":"Ly     on","temp":2      1.5,"to     day":tru                e}
 * value  {city:'Ly'}     {city:'Lyon'}     {.., temp:21.5}  {.., temp:21.5}    {.., today:true}
 * ```
 *
 * Strings show while they grow. Numbers and literals are held back until they are whole, keys until
 * their value begins, half of an escape or of a surrogate pair until the other half is there.
 *
 * INVARIANTS, each one a property test (`test/src/json/jsonProperties.ts`):
 *
 *  1. Whole text: the final value is that of `JSON.parse(text)`, however the text was split: the
 *     order of keys, the last of repeated keys at the place of the first, `__proto__` as a key like
 *     any other, lone surrogates, `-0`.
 *  2. Prefix: `value` depends on the text so far alone, not on how it was split or how often `value`
 *     was read. It is `JSON.parse` of that text, cut behind what can be shown and then closed.
 *  3. Growth: a later value of a place is of the same kind; a string starts with the earlier one, an
 *     array has the earlier elements in front, an object the earlier keys; numbers, literals, and all
 *     but the last element or member of what is open, stay as they are. (A repeated key starts anew.)
 *  4. Immutability: nothing that was handed out is ever written to again.
 *  5. Sharing: a branch, and the value itself, is `===` to the one before if nothing in it changed,
 *     and a new one if something did.
 *  6. Refusal: exactly what `JSON.parse` refuses is refused, by the `push` of the first code unit with
 *     which the text cannot become JSON any more, or else by `end`. A byte order mark is refused.
 *  7. Failure: the error and the last `value` are the same however the text was split; `push` and
 *     `end` throw that same error from then on, and `value` goes on to give all that was good.
 *  8. Completeness: `complete` is true exactly if the text so far is one whole value to which only
 *     white space can be added. So a number that is all of the text is complete after white space or
 *     `end()` only.
 *
 * Cost: linear in the text, and a read of `value` copies what is open, and only if something changed
 * since the last read: each open object and array, one level deep. So text that nobody looks at is
 * read at some 2.5 times the price of one `JSON.parse`; one array of 20,000 elements, or an object of
 * 5,000 keys, is better read once a frame than at each delta, or with `elementsAt`. A snapshot is not
 * frozen, for that would cost more than it: its types are read-only, and it must not be written to.
 */
export class IncrementalJsonParser {
  readonly #maxDepth: number;
  readonly #elementsAt: JsonPath | undefined;
  readonly #keepElements: boolean;
  readonly #tree: JsonTree = new JsonTree();
  #elements: JsonValue[] = [];
  #state: State = 'value';
  #error: JsonSyntaxError | undefined;

  // The token that is being read.
  readonly #string: GrowingString = new GrowingString();
  /** Whether the string is a value, not a key. */
  #isText = false;
  /** How much of it is in the tree: the length, or -1 before the first time. */
  #shown = -1;
  #hex = '';
  #number = '';
  #phase: NumberPhase = 'start';
  #literal: Literal = 'true';
  #matched = 0;

  // Where we are, for errors.
  #start = 0;
  #length = 0;
  #line = 1;
  #lineStart = 0;
  #older = '';
  #recent = '';

  /** @throws TypeError for an invalid config */
  constructor({
    maxDepth = 1000,
    elementsAt,
    keepElements = true,
  }: IncrementalJsonParserConfig = {}) {
    if (!(maxDepth >= 0)) {
      throw new TypeError(
        `maxDepth has to be a number from 0 to Infinity, not ${String(maxDepth)}`,
      );
    }
    if (elementsAt !== undefined && !Array.isArray(elementsAt)) {
      throw new TypeError(`elementsAt has to be an array of keys and indices, such as ['results']`);
    }
    this.#maxDepth = maxDepth;
    this.#elementsAt = elementsAt;
    this.#keepElements = keepElements;
  }

  /**
   * Reads one more piece of the text.
   *
   * @throws JsonSyntaxError as soon as the text cannot be JSON any more, and the same one for each
   * piece after that
   */
  push(delta: string): void {
    if (typeof delta !== 'string')
      throw new TypeError(`push() takes a string, not ${typeof delta}`);
    if (this.#error !== undefined) throw this.#error;
    this.#remember(delta);
    let at = 0;
    while (at < delta.length) {
      switch (this.#state) {
        case 'string':
          at = this.#readString(delta, at);
          break;
        case 'escape':
          at = this.#readEscape(delta, at);
          break;
        case 'hex':
          at = this.#readHex(delta, at);
          break;
        case 'number':
          at = this.#readNumber(delta, at);
          break;
        case 'literal':
          at = this.#readLiteral(delta, at);
          break;
        default:
          at = this.#readStructure(delta, at);
      }
    }
  }

  /** An immutable snapshot of the value so far; undefined until there is something to show. */
  get value(): JsonValue | undefined {
    if (this.#isText) this.#show();
    return this.#tree.snapshot;
  }

  /** Whether the text so far is one whole JSON value. */
  get complete(): boolean {
    return this.#state === 'done' && this.#error === undefined;
  }

  /**
   * Says that no text comes any more.
   *
   * @returns the whole value
   * @throws JsonSyntaxError if the text is not one whole JSON value
   */
  end(): JsonValue {
    if (this.#error !== undefined) throw this.#error;
    const isNumber = this.#state === 'number' && this.#tree.depth === 0;
    if (isNumber && isWholeNumber(this.#phase)) this.#endNumber();
    if (this.#state !== 'done') this.#fail(this.#length - this.#start);
    return this.value!;
  }

  /**
   * The elements of the array at `elementsAt` that were completed since the last call, in order. If
   * the key of that array is repeated, they are the elements of each.
   */
  takeElements(): JsonValue[] {
    const elements = this.#elements;
    this.#elements = [];
    return elements;
  }

  // Each read... method takes what it can from `delta` at `at`, and returns where it stopped.

  #readStructure(delta: string, at: number): number {
    const char = delta[at]!;
    switch (char) {
      case '\n':
        this.#line += 1;
        this.#lineStart = this.#start + at + 1;
        return at + 1;
      case ' ':
      case '\r':
      case '\t':
        return at + 1;
    }
    const state = this.#state;
    if (state === 'value') return this.#readValue(char, at);
    if (char === ']' && (state === 'value or end' || state === 'after element')) this.#close();
    else if (state === 'value or end') return this.#readValue(char, at);
    else if (char === '}' && (state === 'key or end' || state === 'after member')) this.#close();
    else if (char === '"' && (state === 'key or end' || state === 'key')) this.#beginString(false);
    else if (char === ':' && state === 'colon') this.#state = 'value';
    else if (char === ',' && state === 'after member') this.#state = 'key';
    else if (char === ',' && state === 'after element') this.#state = 'value';
    else this.#fail(at);
    return at + 1;
  }

  #readValue(char: string, at: number): number {
    switch (char) {
      case '"':
        this.#beginString(true);
        return at + 1;
      case '{':
        this.#open(false, at);
        return at + 1;
      case '[':
        this.#open(true, at);
        return at + 1;
      case 't':
      case 'f':
      case 'n':
        this.#literal = LITERALS[char];
        this.#matched = 0;
        this.#state = 'literal';
        return at;
      default:
        if (nextNumberPhase('start', char.charCodeAt(0)) === undefined) this.#fail(at);
        this.#number = '';
        this.#phase = 'start';
        this.#state = 'number';
        return at;
    }
  }

  #open(isArray: boolean, at: number): void {
    if (this.#tree.depth >= this.#maxDepth) {
      this.#fail(at, `More than ${this.#maxDepth} levels (maxDepth)`);
    }
    this.#tree.open(isArray);
    this.#state = isArray ? 'value or end' : 'key or end';
  }

  #close(): void {
    this.#tree.close();
    this.#next();
  }

  #beginString(isText: boolean): void {
    this.#string.clear();
    this.#isText = isText;
    this.#shown = -1;
    this.#state = 'string';
  }

  #readString(delta: string, start: number): number {
    let at = start;
    let code = 0;
    for (; at < delta.length; at++) {
      code = delta.charCodeAt(at);
      if (code === QUOTE || code === BACKSLASH || code < SPACE) break;
    }
    if (at > start) this.#string.append(delta.slice(start, at));
    if (at === delta.length) return at;
    if (code === QUOTE) this.#endString();
    else if (code === BACKSLASH) this.#state = 'escape';
    else this.#fail(at, 'Control character that is not escaped');
    return at + 1;
  }

  #readEscape(delta: string, at: number): number {
    const char = delta[at]!;
    if (char === 'u') {
      this.#hex = '';
      this.#state = 'hex';
    } else {
      this.#string.append(ESCAPES[char] ?? this.#fail(at));
      this.#state = 'string';
    }
    return at + 1;
  }

  #readHex(delta: string, at: number): number {
    const digit = delta[at]!;
    if (!/[\da-f]/i.test(digit)) this.#fail(at);
    this.#hex += digit;
    if (this.#hex.length === 4) {
      this.#string.append(String.fromCharCode(Number.parseInt(this.#hex, 16)));
      this.#state = 'string';
    }
    return at + 1;
  }

  #endString(): void {
    this.#string.close();
    if (this.#isText) {
      // What was shown while it grew came in many pieces. What was not may never be looked at.
      if (this.#shown > 0) this.#string.flatten();
      this.#show();
      this.#isText = false;
      this.#next();
    } else {
      this.#tree.key = this.#string.text;
      this.#state = 'colon';
    }
  }

  /** Puts the text so far into the tree, if there is more of it than last time. */
  #show(): void {
    if (this.#shown === this.#string.length) return;
    this.#shown = this.#string.length;
    this.#tree.put(this.#string.text);
  }

  #readNumber(delta: string, start: number): number {
    let at = start;
    let phase: NumberPhase | undefined;
    for (; at < delta.length; at++) {
      phase = nextNumberPhase(this.#phase, delta.charCodeAt(at));
      if (phase === undefined) break;
      this.#phase = phase;
    }
    this.#number += delta.slice(start, at);
    if (at === delta.length) return at;
    if (!isWholeNumber(this.#phase)) this.#fail(at);
    this.#endNumber();
    return at;
  }

  #endNumber(): void {
    this.#tree.put(Number(this.#number));
    this.#next();
  }

  #readLiteral(delta: string, at: number): number {
    const literal = this.#literal;
    if (delta[at] !== literal[this.#matched]) this.#fail(at);
    this.#matched += 1;
    if (this.#matched === literal.length) {
      this.#tree.put(LITERAL_VALUES[literal]);
      this.#next();
    }
    return at + 1;
  }

  /** A value is complete. */
  #next(): void {
    const tree = this.#tree;
    if (tree.depth === 0) {
      this.#state = 'done';
      return;
    }
    this.#state = tree.isInArray ? 'after element' : 'after member';
    if (this.#elementsAt === undefined || !tree.isElementOf(this.#elementsAt)) {
      tree.next();
      return;
    }
    this.#elements.push(tree.element);
    if (this.#keepElements) tree.next();
    else tree.drop();
  }

  /** Keeps the latest text for errors: as two ropes, to let go of all before them now and then. */
  #remember(delta: string): void {
    this.#start = this.#length;
    this.#length += delta.length;
    if (this.#recent.length > RECENT) {
      this.#older = this.#recent;
      this.#recent = delta;
    } else {
      this.#recent += delta;
    }
  }

  #fail(at: number, problem?: string): never {
    const position = this.#start + at;
    const text = this.#older + this.#recent;
    const end = position + 1 - (this.#length - text.length);
    const found = end > text.length ? 'end of the text' : describe(text[end - 1]!);
    this.#error = new JsonSyntaxError(
      problem ?? `Unexpected ${found} where ${EXPECTED[this.#state]} was expected`,
      {
        position,
        line: this.#line,
        column: position - this.#lineStart + 1,
        context: text.slice(Math.max(0, end - CONTEXT), end),
      },
    );
    throw this.#error;
  }
}

function describe(char: string): string {
  if (/[!-~]/.test(char)) return char === '"' ? `'"'` : `"${char}"`;
  return `U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
