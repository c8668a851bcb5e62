import { parseRecord } from '../message/record.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';

const [LF, SPACE, QUOTE, BACKSLASH, BRACE] = [10, 32, 34, 92, 125];
/** V8 copies what is cut out of a string when it is shorter; a longer one would hold the chunk. */
const COPIED_BELOW = 13;

const DELTAS = {
  text_delta: (text: string) => ({ type: 'text_delta' as const, text }),
  thinking_delta: (thinking: string) => ({ type: 'thinking_delta' as const, thinking }),
  input_json_delta: (partial_json: string) => ({ type: 'input_json_delta' as const, partial_json }),
};

/** The data up to the opening quote of the text; within a text the quotes of a key are escaped. */
const UP_TO_TEXT = /^.*?"(?:text|thinking|partial_json)"\s*:\s*"/s;
/** As many templates are kept, and of fronts up to this length: a reply needs one for each block. */
const [MOST, LONGEST] = [64, 1_000];
/** What replies have taught: they all look alike, and to learn costs as much as some events. */
const known = /* @__PURE__ */ new Map<string, DeltaTemplate>();

/**
 * Reads a frame with a delta that differs from one before only in its text, without parsing it.
 *
 * Nearly all of a reply is such frames. What the text is surrounded with is learned from a frame
 * that `JSON.parse` has read, white space and all; whatever does not look exactly like that is left
 * to `JSON.parse` again.
 */
export class DeltaTemplate {
  /** A frame up to the opening quote of its text. */
  readonly #front: string;
  readonly #index: number;
  readonly #deltaOf: (typeof DELTAS)[keyof typeof DELTAS];
  /** Where the frame ends that was taken last. */
  end = 0;

  private constructor(front: string, index: number, type: keyof typeof DELTAS) {
    this.#front = front;
    this.#index = index;
    this.#deltaOf = DELTAS[type];
  }

  /** The one that was learned last: the next reply is likely to look the same. */
  static latest: DeltaTemplate | undefined;

  /** Learns from a frame; `undefined` for one that has nothing to teach. */
  static learn(event: string | undefined, data: string, value: object): DeltaTemplate | undefined {
    const { index, delta } = value as { index?: unknown; delta?: { type?: unknown } };
    const type = delta?.type as keyof typeof DELTAS;
    if (typeof index !== 'number' || !Object.hasOwn(DELTAS, type)) return undefined;
    const opening = UP_TO_TEXT.exec(data)?.[0];
    if (opening === undefined) return undefined;
    const front = `${event === undefined ? '' : `event: ${event}\n`}data: ${opening}`;
    const template = known.get(front);
    if (template) return (DeltaTemplate.latest = template);
    if (front.length > LONGEST) return undefined;
    // Another text at this place makes another text of the delta, and that is all it makes.
    const expected = { type: 'content_block_delta', index, delta: DELTAS[type]('x') };
    if (JSON.stringify(parseRecord(`${opening}x"}}`)) !== JSON.stringify(expected))
      return undefined;
    if (known.size === MOST) known.clear();
    const learned = new DeltaTemplate(front, index, type);
    known.set(front, learned);
    return (DeltaTemplate.latest = learned);
  }

  /** The event of the frame at `at`, if it fits; `end` is then where the next one begins. */
  take(text: string, at: number): StreamEvent | undefined {
    const start = at + this.#front.length;
    // `startsWith` compares one character after the other.
    if (text.slice(at, start) !== this.#front) return undefined;
    let close = start;
    let code = text.charCodeAt(close);
    while (code !== QUOTE && code !== BACKSLASH && code >= SPACE) code = text.charCodeAt(++close);
    if (code === BACKSLASH) close = text.lastIndexOf('"', text.indexOf('\n', close));
    else if (code !== QUOTE) return undefined;
    const end = endOfFrame(text, close + 1);
    if (end === undefined) return undefined;
    let value: string | undefined;
    if (code === QUOTE && close - start < COPIED_BELOW) value = text.slice(start, close);
    else value = parsedString(text.slice(start - 1, close + 1));
    if (value === undefined) return undefined;
    this.end = end;
    return {
      type: 'content_block_delta',
      index: this.#index,
      delta: this.#deltaOf(value),
    };
  }
}

/** Where the frame ends whose delta and data end at `at`, with nothing else in them. */
function endOfFrame(text: string, at: number): number | undefined {
  let end = at;
  for (let braces = 0; braces < 2; braces++) {
    while (text.charCodeAt(end) === SPACE) end++;
    if (text.charCodeAt(end++) !== BRACE) return undefined;
  }
  while (text.charCodeAt(end) === SPACE) end++;
  return text.charCodeAt(end) === LF && text.charCodeAt(end + 1) === LF ? end + 2 : undefined;
}

function parsedString(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}
