import { isCall, isServerCall } from '../history/blockKinds.ts';
import { asString, type Fields, isRecord } from './record.ts';

/**
 * The key under which a tool call has the text of its input, as long as the text is not a complete
 * JSON value. A block without this key has its final `input`.
 *
 * It is a symbol, so that it is not written as JSON, and enumerable, so that it is copied and shown in
 * logs. `input` itself is the `{}` of `content_block_start`.
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
 * The key under which a block has the deltas of types that this version does not know, and deltas that
 * do not fit the block.
 */
export const unknownDeltas: unique symbol = Symbol.for('claude-rx.unknownDeltas');

/** A kind of delta that appends to a string. */
interface Run {
  type: string;
  /** The field of the delta with the new part, and the field of the block that it is appended to. */
  from: string;
  into: PropertyKey;
  /** The field or the type of the blocks that such a delta fits. */
  fits: string;
  /** The block that such a delta begins if there is none. */
  start?: Fields;
}

const RUNS: readonly Run[] = [
  {
    type: 'text_delta',
    from: 'text',
    into: 'text',
    fits: 'text',
    start: { type: 'text', text: '', citations: null },
  },
  {
    type: 'thinking_delta',
    from: 'thinking',
    into: 'thinking',
    fits: 'thinking',
    start: { type: 'thinking', thinking: '', signature: '' },
  },
  { type: 'input_json_delta', from: 'partial_json', into: unfinishedInput, fits: 'input' },
];

const INPUT: Run = RUNS.find(({ into }) => into === unfinishedInput)!;

/** The string that a delta appends to, if it does. */
export function runOf(delta: Fields): Run | undefined {
  return RUNS.find(({ type }) => type === delta['type']) ?? (hasInput(delta) ? INPUT : undefined);
}

/** Whether the delta has a part of an input, even if its type is missing or differs. */
export function hasInput({ [INPUT.from]: part }: Fields): boolean {
  return part != null && part !== '';
}

/** Whether a part of an input can be read: it is text, in a delta of that type. */
function isReadable(delta: Fields): boolean {
  return (
    !hasInput(delta) || (delta['type'] === INPUT.type && typeof delta[INPUT.from] === 'string')
  );
}

/**
 * A string that was concatenated keeps all of its pieces in memory until its characters are read. At
 * this number of pieces they are flattened, which copies each character once.
 */
const MOST_PIECES = 32;
/** The growth factor at which the whole string is flattened: in total, this copies it five times. */
const GROWTH = 1.25;

/** The state of a block in a message that is being built. */
export interface BlockPlace {
  /** Whether deltas and a stop follow. Default: `false`, the block is complete. */
  isOpen?: boolean;
  /**
   * Whether the block was opened by a delta that does not fit the block with its index. Such a block
   * does not take over the index.
   */
  isAside?: boolean;
}

/**
 * Builds one content block from its deltas.
 *
 * `push` only stores the delta. The block is updated when it is read, because an update costs as much
 * as the block is long.
 */
export class BlockBuilder {
  /** The `index` of the block in events. */
  readonly index: unknown;
  /** The type of the block. */
  readonly kind: unknown;
  readonly isAside: boolean;
  /** Whether neither its stop nor the end of the reply has come. More deltas open it again. */
  isOpen: boolean;
  /** Whether a block has started after the stop of this block, which proves that a call is complete. */
  isFollowed = false;
  #block: Fields;
  /** The kind of the last delta, if it appends to a string: the hot path. */
  #run: Run | undefined;
  /** The text that is not appended so far, and its number of pieces. */
  #text = '';
  #pieces = 0;
  /** The length of the string when it was last flattened. */
  #joined = 0;
  /** The deltas that are not added to the lists so far. */
  #added: Record<PropertyKey, unknown[]> | undefined;
  /**
   * The state of the input text: it can still grow; it has ended and must be parsed; it was parsed; or a
   * part of it may be missing, so it is not parsed.
   */
  #input: 'open' | 'ended' | 'parsed' | 'spoiled' | undefined;
  /** Whether the block has continued after a following block had started. */
  #isLate = false;

  constructor(index: unknown, block: Fields, { isOpen = false, isAside = false }: BlockPlace = {}) {
    this.index = index;
    this.kind = block['type'];
    this.isOpen = isOpen;
    this.isAside = isAside;
    this.#block = block;
    // A placeholder (SDK src/lib/MessageStream.ts). Gateways leave it out, or send null or an empty string.
    const given = block['input'] === '' ? undefined : block['input'];
    const input = given ?? (isAnyCall(block) ? {} : undefined);
    if (isOpen && isRecord(input) && Object.keys(input).length === 0) {
      this.#block = { ...block, input, [unfinishedInput]: '' };
      this.#input = 'open';
    }
  }

  /** The block so far: a new object only if something has changed. */
  get block(): Fields {
    this.#gather();
    if (this.#added) this.#block = withAdded(this.#block, this.#added);
    this.#added = undefined;
    if (this.#input === 'ended') {
      // Without text, the input is that of the start.
      this.#input = this.#block[unfinishedInput] ? 'parsed' : undefined;
      this.#block = withParsedInput(this.#block);
    }
    return this.#block;
  }

  /** Whether a part of its input may be missing. */
  get isSpoiled(): boolean {
    return this.#input === 'spoiled';
  }

  /** Whether deltas may have input. */
  get takesInput(): boolean {
    return isAnyCall(this.#block) || 'input' in this.#block;
  }

  /** Whether it is a call whose input is not proven complete. */
  get isUnsettled(): boolean {
    return this.takesInput && !(this.isFollowed && !(unfinishedInput in this.block));
  }

  /** Adds a delta of the same type as the last one; returns `false` for any other delta. */
  extend(delta: Fields): boolean {
    const run = this.#run;
    if (run === undefined || run.type !== delta['type']) return false;
    const part = delta[run.from];
    if (typeof part === 'string') this.#text += part;
    else if (part != null && run === INPUT) return false;
    if (++this.#pieces >= MOST_PIECES) this.#gather();
    return true;
  }

  /**
   * Adds a delta; returns `false` for text of another kind of block, for input if the block can have none,
   * and for input that cannot be read.
   */
  push(delta: Fields): boolean {
    if (this.extend(delta)) return true;
    this.#gather();
    const run = runOf(delta);
    const block = this.#block;
    const fits = run && (block['type'] === run.fits || block[run.fits] !== undefined);
    if (run && !fits && (run.start || isProse(block))) return false;
    if (run === INPUT && !isReadable(delta)) return false;
    if (!this.isOpen) {
      if (run && asString(delta[run.from]) === '') return true;
      this.#reopen();
    }
    this.#run = fits ? run : undefined;
    if (this.#run?.into === unfinishedInput) this.#input ??= 'open';
    if (!this.extend(delta)) this.keep(delta);
    return true;
  }

  /** Ends the block: its input is now the whole input. */
  stop(): void {
    this.#gather();
    this.#run = undefined;
    this.isOpen = false;
    if (this.#input === 'open') this.#input = 'ended';
  }

  /** Records that a block has started after the stop of this block. */
  follow(): void {
    // A block that was not complete then, and continued, waits for the end of the reply.
    if (!this.isOpen && !this.#isLate) this.isFollowed = true;
  }

  /** Records that a part of the input may be missing: it then stays text, whatever follows. */
  spoil(): void {
    this.#unparse('spoiled');
  }

  /** Opens a block again that had ended. */
  #reopen(): void {
    this.isOpen = true;
    this.#isLate ||= this.isFollowed;
    this.isFollowed = false;
    // The result must not depend on whether the block was read in between.
    void this.block;
    if (this.#input === 'parsed') this.#unparse('open');
  }

  /** Turns the input back into text. */
  #unparse(state: 'open' | 'spoiled'): void {
    const { input, [unfinishedInput]: text = JSON.stringify(input) } = this.block;
    this.#block = { ...this.#block, input: {}, [unfinishedInput]: text };
    this.#input = state;
  }

  /** Appends the stored text to the block. */
  #gather(): void {
    if (!this.#run || this.#pieces === 0) return;
    const { into } = this.#run;
    const before = this.#block[into];
    // Reading a character flattens the new pieces. The old text is not read, or each read would cost as
    // much as the whole text is long.
    const isText = this.#text.charCodeAt(0) >= 0;
    if (isText || before === undefined) {
      const text = asString(before) + this.#text;
      if (text.length > this.#joined * GROWTH) {
        this.#joined = text.length;
        text.charCodeAt(0);
      }
      this.#block = { ...this.#block, [into]: text };
    }
    this.#text = '';
    this.#pieces = 0;
  }

  /** Adds a delta that does not append to a string. */
  keep(delta: Fields): void {
    const block = this.#block;
    const { type, ...said } = delta;
    if (type === 'signature_delta') {
      this.#block = { ...block, signature: said['signature'] };
    } else if (type === 'compaction_delta' && block['type'] === 'compaction') {
      this.#block = { ...block, ...said };
    } else {
      const [list, item] =
        type === 'citations_delta' ? ['citations', said['citation']] : [unknownDeltas, delta];
      this.#added ??= {};
      (this.#added[list] ??= []).push(item);
    }
  }
}

function withAdded(block: Fields, added: Record<PropertyKey, unknown[]>): Fields {
  const longer = { ...block };
  for (const key of Reflect.ownKeys(added)) {
    const list = block[key];
    longer[key] = [...(Array.isArray(list) ? list : []), ...added[key]!];
  }
  return longer;
}

/** The block with its final `input`; the same block if the text is cut off or malformed. */
function withParsedInput(block: Fields): Fields {
  const { [unfinishedInput]: text, ...rest } = block;
  try {
    return text ? { ...rest, input: JSON.parse(text as string) } : rest;
  } catch {
    return block;
  }
}

function isAnyCall(block: Fields): boolean {
  const kind = block as { type: string };
  return isCall(kind) || isServerCall(kind);
}

function isProse({ type }: Fields): boolean {
  return type === 'text' || type === 'thinking';
}
