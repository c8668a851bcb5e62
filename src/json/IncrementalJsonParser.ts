import { GrowingString } from './GrowingString.ts';
import { JsonSyntaxError } from './JsonSyntaxError.ts';
import { JsonTree } from './JsonTree.ts';
import type { JsonPath, JsonValue } from './JsonValue.ts';
import { isWholeNumber, nextNumberPhase, type NumberPhase } from './numberPhase.ts';

export interface IncrementalJsonParserConfig {
  /**
   * The maximum number of nested arrays and objects. Deeper JSON is a `JsonSyntaxError`. A snapshot copies
   * all open arrays and objects, and `JSON.stringify` overflows the stack at some thousand levels, so a
   * deeper tool input could never be sent back. `Infinity`: no limit, as in `JSON.parse`. Default: 1,000.
   */
  maxDepth?: number;
  /**
   * The path of an array whose elements `takeElements()` returns one by one, without a snapshot, as soon as
   * each element is complete: `[]` is the root, `['results']` the array at that key. Default: no such array.
   */
  elementsAt?: JsonPath;
  /**
   * Whether that array keeps its elements. With `false`, the array in `value` contains at most the element
   * that is being read, so memory does not grow with the array. Default: `true`.
   */
  keepElements?: boolean;
}

/** The token that is being read, or that must come next. */
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

/** How many code units of text an error quotes; at least as much of the latest text is kept. */
const CONTEXT = 40;
const RECENT = 256;

/**
 * Parses JSON from pieces of text, and has the value so far after each piece.
 *
 * ```
 * push   {"city":"Ly     on","temp":2      1.5,"to     day":tru                e}
 * value  {city:'Ly'}     {city:'Lyon'}     {.., temp:21.5}  {.., temp:21.5}    {.., today:true}
 * ```
 *
 * A string appears while it grows. A number or literal appears when it is complete, a key when its value
 * begins. Half an escape or half a surrogate pair is held back until the other half arrives.
 *
 * INVARIANTS, each with a property test (`test/src/json/jsonProperties.ts`):
 *
 *  1. Whole text: the final value equals `JSON.parse(text)`, however the text was split: the order of
 *     keys, the last of repeated keys at the place of the first, `__proto__` as a normal key, lone
 *     surrogates, `-0`.
 *  2. Prefix: `value` depends only on the text so far, not on how it was split or how often `value`
 *     was read. It equals `JSON.parse` of that text, cut after the last part that can appear, and closed.
 *  3. Growth: a later value at the same place is of the same kind; a string starts with the earlier
 *     string, an array with the earlier elements, an object has the earlier keys; numbers, literals,
 *     and all elements or members except the last open one do not change. (A repeated key starts again.)
 *  4. Immutability: a returned value is never written to again.
 *  5. Sharing: a branch, and the value itself, is `===` to the one before if nothing in it changed,
 *     and a new object if something did.
 *  6. Refusal: it refuses exactly the texts that `JSON.parse` refuses: in the `push` of the first code
 *     unit that makes the text invalid, or else in `end`. A byte order mark is refused.
 *  7. Failure: the error and the last `value` are the same however the text was split. From then on `push`
 *     and `end` throw the same error, and `value` stays the value before the error.
 *  8. Completeness: `complete` is true exactly if the text so far is one complete value to which only
 *     white space can be added. So a number at the root is complete only after white space or `end()`.
 *
 * Cost: linear in the text. A read of `value` copies each open object and array, one level deep, and only if
 * something changed since the last read. Without reads of `value`, parsing costs about 2.5 times as much as
 * one `JSON.parse`. For an array of 20,000 elements, or an object of 5,000 keys, read `value` once per frame
 * instead of after each delta, or use `elementsAt`. Snapshots are read-only by type, and must not be written
 * to; they are not frozen, because freezing would cost more than the copy.
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
  /** The length of the string in the tree, or -1 if it is not in the tree yet. */
  #shown = -1;
  #hex = '';
  #number = '';
  #phase: NumberPhase = 'start';
  #literal: Literal = 'true';
  #matched = 0;

  // The position, for errors.
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
      throw new TypeError(`maxDepth must be a number from 0 to Infinity, not ${String(maxDepth)}`);
    }
    if (elementsAt !== undefined && !Array.isArray(elementsAt)) {
      throw new TypeError(`elementsAt must be an array of keys and indices, such as ['results']`);
    }
    this.#maxDepth = maxDepth;
    this.#elementsAt = elementsAt;
    this.#keepElements = keepElements;
  }

  /**
   * Parses the next piece of the text.
   *
   * @throws JsonSyntaxError as soon as the text cannot become JSON, and the same error for each later
   * piece
   */
  push(delta: string): void {
    if (typeof delta !== 'string')
      throw new TypeError(`push() needs a string, not ${typeof delta}`);
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

  /** An immutable snapshot of the value so far; `undefined` before the value begins. */
  get value(): JsonValue | undefined {
    if (this.#isText) this.#show();
    return this.#tree.snapshot;
  }

  /** Whether the text so far is one complete JSON value. */
  get complete(): boolean {
    return this.#state === 'done' && this.#error === undefined;
  }

  /**
   * Ends the text.
   *
   * @returns the complete value
   * @throws JsonSyntaxError if the text is not one complete JSON value
   */
  end(): JsonValue {
    if (this.#error !== undefined) throw this.#error;
    const isNumber = this.#state === 'number' && this.#tree.depth === 0;
    if (isNumber && isWholeNumber(this.#phase)) this.#endNumber();
    if (this.#state !== 'done') this.#fail(this.#length - this.#start);
    return this.value!;
  }

  /**
   * The elements of the array at `elementsAt` that were completed since the last call, in order. If the key
   * of that array is repeated, the elements of each such array are returned.
   */
  takeElements(): JsonValue[] {
    const elements = this.#elements;
    this.#elements = [];
    return elements;
  }

  // Each read... method reads as much as it can from `delta` at `at`, and returns its end position.

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
      // A string that was in a snapshot came in many pieces. Other strings may never be read.
      if (this.#shown > 0) this.#string.flatten();
      this.#show();
      this.#isText = false;
      this.#next();
    } else {
      this.#tree.key = this.#string.text;
      this.#state = 'colon';
    }
  }

  /** Puts the string so far into the tree, if it has grown. */
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

  /** Moves on after a complete value. */
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

  /** Keeps the latest text for errors, as two ropes, so that older text is dropped from time to time. */
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
