import { type Fields, isRecord } from './fields.ts';

/**
 * The key under which a tool call holds the text of its input for as long as that text is not one
 * whole JSON value. A block without this key has its final `input`.
 *
 * It is a symbol, so that it does not reach JSON, and enumerable, so that it survives a copy and is
 * seen in a log. `input` itself is the `{}` that `content_block_start` gave.
 *
 * @example
 * ```ts
 * import { unfinishedInput, type MessageStreamError } from 'claude-rx';
 *
 * function halfWritten(error: MessageStreamError): string[] {
 *   return (error.partial?.content ?? []).flatMap((block) =>
 *     unfinishedInput in block ? [String(block[unfinishedInput])] : [],
 *   );
 * }
 * ```
 */
export const unfinishedInput: unique symbol = Symbol.for('claude-rx.unfinishedInput');

/**
 * The key under which a block holds the deltas of types that this version does not know, or that do
 * not fit the block.
 */
export const unknownDeltas: unique symbol = Symbol.for('claude-rx.unknownDeltas');

/** The deltas that make a string longer, and the field with its new part. */
const TEXT_OF: ReadonlyMap<unknown, string> = new Map([
  ['text_delta', 'text'],
  ['thinking_delta', 'thinking'],
  ['input_json_delta', 'partial_json'],
]);

/**
 * A string that was joined of pieces holds on to all of them until somebody looks at its characters.
 * So many pieces are made one, which copies each character once.
 */
const MOST_PIECES = 64;

/**
 * Builds one content block out of its deltas.
 *
 * `push` only notes what came; it is put into the block when somebody looks, since that costs as much
 * as a block already holds.
 */
export class BlockBuilder {
  #block: Fields;
  /** The kind of delta that came last, where that makes a string longer: the hot path. */
  #runType: unknown;
  #textOf = '';
  #text = '';
  /** The end of that text, in at most so many pieces. */
  #pieces = '';
  #pieceCount = 0;
  /** Deltas that make a list longer. */
  #listed: Fields[] = [];
  /** Whether text of the input has come, or will. */
  #awaitsInput = false;
  #isInputUnparsed = false;

  constructor(block: Fields) {
    this.#block = block;
  }

  /** The start of a block, where `input: {}` is a placeholder (SDK src/lib/MessageStream.ts). */
  static started(start: Fields): BlockBuilder {
    const { input } = start;
    const awaitsInput = isRecord(input) && Object.keys(input).length === 0;
    const builder = new BlockBuilder(awaitsInput ? { ...start, [unfinishedInput]: '' } : start);
    builder.#awaitsInput = awaitsInput;
    return builder;
  }

  /** The block as far as it has arrived: another object only if something has changed. */
  get block(): Fields {
    this.#gather();
    if (this.#listed.length > 0) this.#block = withListed(this.#block, this.#listed);
    if (this.#isInputUnparsed) this.#block = withParsedInput(this.#block);
    this.#listed = [];
    this.#isInputUnparsed = false;
    return this.#block;
  }

  /** Takes a delta in; returns `false` for one that is text of another kind of block. */
  push(delta: Fields): boolean {
    const { type } = delta;
    if (type === this.#runType && type !== undefined) {
      this.#pieces = append(this.#pieces, delta[this.#textOf]);
      if (++this.#pieceCount >= MOST_PIECES) this.#joinPieces();
      return true;
    }
    this.#gather();
    // More for a block that had ended: it must not matter whether somebody has looked in between.
    const block = this.#isInputUnparsed ? this.block : this.#block;
    const textOf = TEXT_OF.get(type);
    const isInput = textOf === 'partial_json';
    if (textOf && !isInput && block['type'] !== textOf && block[textOf] === undefined) return false;
    this.#runType = undefined;
    if (textOf && (!isInput || block['input'] !== undefined)) {
      this.#runType = type;
      this.#textOf = textOf;
      this.#pieces = append('', delta[textOf]);
      this.#awaitsInput ||= isInput;
    } else if (type === 'signature_delta') {
      this.#block = { ...block, signature: delta['signature'] };
    } else if (type === 'compaction_delta' && block['type'] === 'compaction') {
      const { type: _, ...final } = delta;
      this.#block = { ...block, ...final };
    } else {
      this.#listed.push(delta);
    }
    return true;
  }

  /** Says that the block has ended: what there is of its input is all of it. */
  end(): void {
    this.#gather();
    this.#runType = undefined;
    this.#isInputUnparsed ||= this.#awaitsInput;
    this.#awaitsInput = false;
  }

  #joinPieces(): void {
    // It is the look that joins them.
    this.#pieces.charCodeAt(0);
    this.#text += this.#pieces;
    this.#pieces = '';
    this.#pieceCount = 0;
  }

  /** Puts the text of the run so far into the block. */
  #gather(): void {
    if (this.#runType === undefined) return;
    this.#joinPieces();
    const key = this.#textOf === 'partial_json' ? unfinishedInput : this.#textOf;
    const before = this.#block[key];
    if (this.#text === '' && before !== undefined) return;
    this.#block = { ...this.#block, [key]: append(before, this.#text) };
    this.#text = '';
  }
}

function withListed(block: Fields, deltas: Fields[]): Fields {
  const citations = deltas.filter(({ type }) => type === 'citations_delta');
  const unknown = deltas.filter(({ type }) => type !== 'citations_delta');
  return {
    ...block,
    ...(citations.length > 0 && {
      citations: [...list(block['citations']), ...citations.map(({ citation }) => citation)],
    }),
    ...(unknown.length > 0 && { [unknownDeltas]: [...list(block[unknownDeltas]), ...unknown] }),
  };
}

/** The block with its final `input`; the same, where the text of it is cut or malformed. */
function withParsedInput(block: Fields): Fields {
  const { [unfinishedInput]: text, ...rest } = block;
  try {
    return text ? { ...rest, input: JSON.parse(text as string) } : rest;
  } catch {
    return block;
  }
}

/** Concatenation alone leaves a rope; looking at its characters would flatten it at each delta. */
function append(before: unknown, more: unknown): string {
  return (typeof before === 'string' ? before : '') + (typeof more === 'string' ? more : '');
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
