import { BlockBuilder, hasInput, runOf, unfinishedInput } from './BlockBuilder.ts';
import { asString, type Fields } from './record.ts';

/** Input that belongs to no block or cannot be read, or a stop that belongs to no block. */
export interface Stray {
  /** Its `index`. */
  readonly index: unknown;
  /** The calls that may lack a part of their input because of this stray. */
  readonly calls: readonly BlockBuilder[];
  /** Whether there is no such call, so that a whole call is lost. */
  readonly isLost: boolean;
}

/**
 * The content blocks of a message, and which of them an event belongs to:
 *
 * - A delta or a stop belongs to the last block with its index, even if other blocks are open: gateways
 *   start several blocks and write them in turns. An index that is a string is read as a number.
 * - Text or thinking with an unknown index goes to the open block of its kind, if there is exactly one
 *   and no later block of that kind. Otherwise it opens a new block. It also opens a new block if the
 *   block with its index is of another kind.
 * - The start of a call that is open with the same index and id is a repetition. The start of another block
 *   takes the index over; an open call without any input may then lack its input.
 * - Input that belongs to no block, or cannot be read, is a `stray`. It is added to no other call, and all calls whose input
 *   was not complete by then get no input. A stop that belongs to no block is a stray while a call is
 *   open. With no call open, it is a stray only if the reply then waits for tools, because a call may
 *   have been lost.
 *
 * The cost of an event does not grow with the number of blocks.
 */
export class MessageBlocks {
  /** The block of the last start, delta or stop. */
  touched: BlockBuilder | undefined;
  /** The last stray. */
  stray: Stray | undefined;
  /** All blocks, in order. */
  all: BlockBuilder[] = [];
  /** The last block with each index, and the blocks of other kinds that deltas opened for that index. */
  readonly #byIndex = new Map<unknown, BlockBuilder[]>();
  /** For each kind of block: the last started block, and the blocks that have not ended. */
  readonly #byKind = new Map<unknown, { last: BlockBuilder; open: Set<BlockBuilder> }>();
  /** The calls that have stopped since the last start. */
  #stopped: BlockBuilder[] = [];
  /** The calls whose input may be incomplete. */
  #unsettled: BlockBuilder[] = [];
  /** Whether there are calls that may lack a part of their input. */
  #hasSpoiled = false;
  /** A stop that belongs to no block and came when no call was open. */
  #strayStop: Stray | undefined;

  /** The last block with this index, and the blocks that deltas opened for that index. */
  withIndex(index: unknown): BlockBuilder[] {
    const key = keyOf(index);
    return (Number.isNaN(key) ? undefined : this.#byIndex.get(key)) ?? [];
  }

  /** The blocks so far. */
  get content(): Fields[] {
    return this.all.map(({ block }) => block);
  }

  /** Adds a complete block. */
  push(block: Fields): void {
    this.#add(new BlockBuilder(this.all.length, block));
  }

  start(index: unknown, block: Fields): void {
    const [same] = this.withIndex(index);
    if (same?.isOpen && isRepeated(same, block)) {
      this.touched = same;
      return;
    }
    if (same?.isOpen && same.block[unfinishedInput] === '') this.#spoil([same]);
    this.#add(new BlockBuilder(keyOf(index), block, { isOpen: true }));
  }

  delta(index: unknown, delta: Fields): void {
    const last = this.touched;
    const same = last?.index === index ? last : this.#byIndex.get(index)?.[0];
    if (same?.extend(delta)) {
      this.touched = same;
      return;
    }
    const key = keyOf(index);
    const named = this.withIndex(key);
    const run = runOf(delta);
    const takers = run ? named : ownerOf(delta, named);
    if (takers.some((block) => this.#give(block, delta))) return;
    this.touched = undefined;
    if (run === undefined) return;
    if (run.start === undefined) {
      named[0]?.keep(delta);
      if (hasInput(delta)) this.#lose(key);
      return;
    }
    // A gateway left the start out: no text is lost, and no text gets into a block of
    // another kind.
    const isAside = named.length > 0;
    const { last: sole, open } = this.#byKind.get(run.fits) ?? {};
    const isSole = !isAside && Number.isInteger(key) && sole?.isOpen && open?.size === 1;
    if (isSole && this.#give(sole, delta)) return;
    const block = new BlockBuilder(key, run.start, { isOpen: true, isAside });
    this.#add(block);
    block.push(delta);
  }

  stop(index: unknown): void {
    const named = this.withIndex(index);
    this.touched = named[0];
    for (const block of named) {
      if (block.isOpen && block.takesInput) this.#stopped.push(block);
      this.#end(block);
    }
    if (named.length === 0) this.#lose(keyOf(index), true);
  }

  /** Ends all blocks at the end of the reply. */
  endAll(): void {
    for (const { open } of this.#byKind.values()) for (const block of open) this.#end(block);
  }

  /** The reply waits for tools. */
  awaitTools(): void {
    this.stray = this.#strayStop ?? this.stray;
  }

  /** Withdraws the blocks from this position on. */
  withdraw(keep: number): void {
    const kept = this.all.slice(0, keep);
    this.touched = undefined;
    this.#strayStop = undefined;
    this.#byIndex.clear();
    this.#byKind.clear();
    this.all = [];
    this.#unsettled = [];
    this.#hasSpoiled = false;
    for (const block of kept) this.#place(block);
  }

  #add(block: BlockBuilder): void {
    for (const before of this.#stopped) before.follow();
    this.#stopped = [];
    this.touched = block;
    this.#place(block);
  }

  #place(block: BlockBuilder): void {
    this.all.push(block);
    if (block.isAside) this.withIndex(block.index).push(block);
    else this.#byIndex.set(block.index, [block]);
    const open = this.#byKind.get(block.kind)?.open ?? new Set();
    this.#byKind.set(block.kind, { last: block, open });
    if (block.isOpen) open.add(block);
    if (block.isSpoiled) this.#hasSpoiled = true;
    else if (block.takesInput) this.#unsettled.push(block);
  }

  /** Adds the delta to the block; returns `false` if it does not fit. */
  #give(block: BlockBuilder, delta: Fields): boolean {
    if (!block.push(delta)) return false;
    this.touched = block;
    if (block.isOpen) this.#byKind.get(block.kind)?.open.add(block);
    return true;
  }

  #end(block: BlockBuilder): void {
    block.stop();
    this.#byKind.get(block.kind)?.open.delete(block);
  }

  /** Records a stray. A stop is a stray only if calls are affected, or the reply waits for tools. */
  #lose(index: unknown, isStop = false): void {
    const calls = this.#unsettled.filter((block) => block.isUnsettled);
    this.#unsettled = [];
    this.#spoil(calls);
    const stray = { index, calls, isLost: !this.#hasSpoiled };
    if (isStop && stray.isLost) this.#strayStop = stray;
    else this.stray = stray;
  }

  #spoil(calls: readonly BlockBuilder[]): void {
    for (const call of calls) call.spoil();
    this.#hasSpoiled ||= calls.length > 0;
  }
}

/** The kinds of blocks that deltas belong to. */
const OWNERS: ReadonlyMap<unknown, string> = new Map([
  ['signature_delta', 'thinking'],
  ['citations_delta', 'text'],
]);

/** Of the blocks with an index, the block for a delta that does not append to a string; else the last. */
function ownerOf({ type }: Fields, named: BlockBuilder[]): BlockBuilder[] {
  const owner = named.find(({ kind }) => kind === OWNERS.get(type));
  return owner ? [owner] : named.slice(-1);
}

/** Some gateways write the index as a string. */
function keyOf(index: unknown): unknown {
  return typeof index === 'string' && /^\d+$/.test(index) ? Number(index) : index;
}

/** Whether `start` is a repetition of the start of the call. */
function isRepeated(call: BlockBuilder, { type, id }: Fields): boolean {
  return call.kind === type && asString(id) !== '' && call.block['id'] === id;
}
