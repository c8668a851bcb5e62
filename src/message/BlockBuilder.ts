import { isCall, isServerCall } from '../history/blockKinds.ts';
import { asString, type Fields, isRecord } from './record.ts';

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

/** A kind of delta that makes a string longer. */
interface Run {
  type: string;
  /** The field of the delta that has the new part, and the one of the block that grows with it. */
  from: string;
  into: PropertyKey;
  /** What a block has, or is, that such a delta fits. */
  fits: string;
  /** The block that such a delta begins where there is none. */
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

/** How a delta makes a string longer, if it does. */
export function runOf({ type }: Fields): Run | undefined {
  return RUNS.find((run) => run.type === type);
}

/**
 * A string that was joined of pieces holds on to all of them until somebody looks at its characters.
 * So many pieces are made one, which copies each character once.
 */
const MOST_PIECES = 32;
/** By so much a string grows until all of it is made one: on the whole that copies it five times. */
const GROWTH = 1.25;

/** Where a block stands that a message is being built of. */
export interface BlockPlace {
  /** Whether deltas and a stop are to come. Default: `false`, so the block is whole. */
  isOpen?: boolean;
  /**
   * Whether the block was opened by a delta that fits no block with its index. It does not take the
   * index over.
   */
  isAside?: boolean;
}

/**
 * Builds one content block out of its deltas.
 *
 * `push` only notes what came; it is put into the block when somebody looks, since that costs as much
 * as a block already holds.
 */
export class BlockBuilder {
  /** The `index` by which events speak of the block. */
  readonly index: unknown;
  /** The type of the block. */
  readonly kind: unknown;
  readonly isAside: boolean;
  /** Whether neither its stop nor the end of the reply has come; more deltas open it again. */
  isOpen: boolean;
  /** Whether a block has started after the stop of this one: the proof that a call is complete. */
  isFollowed = false;
  #block: Fields;
  /** The kind of delta that came last, where that makes a string longer: the hot path. */
  #run: Run | undefined;
  /** What the string has not taken in yet, and how many pieces that is. */
  #text = '';
  #pieces = 0;
  /** How long the string was when all of it was joined. */
  #joined = 0;
  /** What the lists have not taken in yet. */
  #added: Record<PropertyKey, unknown[]> | undefined;
  /**
   * Whether text of the input has come, or will; once that has ended, the text is to be parsed, unless
   * a part of it may be missing.
   */
  #input: 'open' | 'ended' | 'parsed' | 'spoiled' | undefined;
  /** Whether the block has gone on after a block that followed it. */
  #isLate = false;

  constructor(index: unknown, block: Fields, { isOpen = false, isAside = false }: BlockPlace = {}) {
    this.index = index;
    this.kind = block['type'];
    this.isOpen = isOpen;
    this.isAside = isAside;
    this.#block = block;
    // A placeholder (SDK src/lib/MessageStream.ts); gateways leave it out, or send null.
    const input = block['input'] ?? (isAnyCall(block) ? {} : undefined);
    if (isOpen && isRecord(input) && Object.keys(input).length === 0) {
      this.#block = { ...block, input, [unfinishedInput]: '' };
      this.#input = 'open';
    }
  }

  /** The block as far as it has arrived: another object only if something has changed. */
  get block(): Fields {
    this.#gather();
    if (this.#added) this.#block = withAdded(this.#block, this.#added);
    this.#added = undefined;
    if (this.#input === 'ended') {
      // Without any text the input is that of the start.
      this.#input = this.#block[unfinishedInput] ? 'parsed' : undefined;
      this.#block = withParsedInput(this.#block);
    }
    return this.#block;
  }

  /** Whether a part of its input may be missing. */
  get isSpoiled(): boolean {
    return this.#input === 'spoiled';
  }

  /** Whether deltas may bring an input. */
  get takesInput(): boolean {
    return isAnyCall(this.#block) || 'input' in this.#block;
  }

  /** Whether it is a call whose input is not settled: a proof is missing that all of it has come. */
  get isUnsettled(): boolean {
    return this.takesInput && !(this.isFollowed && !(unfinishedInput in this.block));
  }

  /** Takes in one more delta of the type that came last; `false` for any other. */
  extend(delta: Fields): boolean {
    const run = this.#run;
    if (run === undefined || run.type !== delta['type']) return false;
    this.#text += asString(delta[run.from]);
    if (++this.#pieces >= MOST_PIECES) this.#gather();
    return true;
  }

  /**
   * Takes a delta in; returns `false` for one that is text of another kind of block, or an input where
   * there can be none.
   */
  push(delta: Fields): boolean {
    if (this.extend(delta)) return true;
    this.#gather();
    const run = runOf(delta);
    const block = this.#block;
    const fits = run && (block['type'] === run.fits || block[run.fits] !== undefined);
    if (run && !fits && (run.start || isProse(block))) return false;
    if (!this.isOpen) {
      if (run && asString(delta[run.from]) === '') return true;
      this.#reopen();
    }
    this.#run = fits ? run : undefined;
    if (this.#run?.into === unfinishedInput) this.#input ??= 'open';
    if (!this.extend(delta)) this.keep(delta);
    return true;
  }

  /** Ends the block: what there is of its input is all of it. */
  stop(): void {
    this.#gather();
    this.#run = undefined;
    this.isOpen = false;
    if (this.#input === 'open') this.#input = 'ended';
  }

  /** Takes note that a block has started after the stop of this one. */
  follow(): void {
    // One that was not whole then, and went on, waits for the end of the reply.
    if (!this.isOpen && !this.#isLate) this.isFollowed = true;
  }

  /** Takes note that a part of the input may be missing: it stays text, whatever comes. */
  spoil(): void {
    this.#unparse('spoiled');
  }

  /** More for a block that had ended. */
  #reopen(): void {
    this.isOpen = true;
    this.#isLate ||= this.isFollowed;
    this.isFollowed = false;
    // It must not matter whether somebody has looked in between.
    void this.block;
    if (this.#input === 'parsed') this.#unparse('open');
  }

  /** Makes text of the input again. */
  #unparse(state: 'open' | 'spoiled'): void {
    const { input, [unfinishedInput]: text = JSON.stringify(input) } = this.block;
    this.#block = { ...this.#block, input: {}, [unfinishedInput]: text };
    this.#input = state;
  }

  /** Puts the text of the run so far into the block. */
  #gather(): void {
    if (!this.#run || this.#pieces === 0) return;
    const { into } = this.#run;
    const before = this.#block[into];
    // It is this look that joins the pieces; what was there is not looked at, or each look would
    // cost as much as it is long.
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

  /** Takes in a delta that makes no string longer. */
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

/** The block with its final `input`; the same, where the text of it is cut or malformed. */
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
