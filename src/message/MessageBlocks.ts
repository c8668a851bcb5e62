import { BlockBuilder, runOf } from './BlockBuilder.ts';
import { asString, type Fields } from './record.ts';

/** An input, or a stop, that belongs to no block. */
export interface Stray {
  /** The `index` that it came with. */
  readonly index: unknown;
  /** The calls that may lack a part of their input because of it, as others may because of one before. */
  readonly calls: readonly BlockBuilder[];
  /** Whether there is no such call, so that one is lost. */
  readonly isLost: boolean;
}

/**
 * The content blocks of a message, and which of them an event belongs to:
 *
 * - A delta or a stop belongs to the last block with its index, whatever else is open: gateways start
 *   several blocks and write them in turns. An index that is written as a string is that number.
 * - Text, or thinking, of an unknown index goes to the open block of its kind if there is exactly one
 *   and none of its kind came later; else it opens a block, as it does where the block with its index
 *   is of another kind.
 * - The start of a call that is open under the same index and id is a repetition.
 * - An input that belongs to no block is a `stray`: it is given to no other call, and no call whose
 *   input was not settled by then has one. So is a stop while a call is open; with none open, it is one
 *   only if the reply then waits for tools, because a call may have been lost.
 *
 * All of it costs the same for the first block and the last.
 */
export class MessageBlocks {
  /** The block that the last start, delta or stop belonged to. */
  touched: BlockBuilder | undefined;
  /** The last stray. */
  stray: Stray | undefined;
  #all: BlockBuilder[] = [];
  /** By the kinds of blocks: those that have not ended. */
  readonly #open = new Map<unknown, Set<BlockBuilder>>();
  /** By the kinds of blocks: the last that has started. */
  readonly #last = new Map<unknown, BlockBuilder>();
  /** The last block with each index. Made when it is first needed. */
  #byIndex: Map<unknown, BlockBuilder> | undefined;
  /** The calls that have stopped since the last start. */
  #stopped: BlockBuilder[] = [];
  /** The calls that may not be settled. */
  #unsettled: BlockBuilder[] = [];
  /** The calls that may lack a part of their input. */
  #spoiled: BlockBuilder[] = [];
  /** The index of a stop that belongs to no block, where no call was open. */
  #strayStop: { index: unknown } | undefined;

  get length(): number {
    return this.#all.length;
  }

  at(position: number): BlockBuilder | undefined {
    return this.#all[position];
  }

  /** The blocks as far as they have arrived. */
  get content(): Fields[] {
    return this.#all.map(({ block }) => block);
  }

  /** Adds a block that is whole. */
  push(block: Fields): void {
    this.#add(new BlockBuilder(this.#all.length, block));
  }

  start(index: unknown, block: Fields): void {
    const key = keyOf(index);
    const same = this.#find(key);
    if (same?.isOpen && isRepeated(same, block)) {
      this.touched = same;
      return;
    }
    this.#add(new BlockBuilder(key, block, { isOpen: true }));
  }

  delta(index: unknown, delta: Fields): void {
    const last = this.touched;
    const isAlone = last?.isAside === false && last.aside === undefined;
    if (isAlone && last.isOpen && last.index === index && last.push(delta)) return;
    const key = keyOf(index);
    const named = this.#find(key);
    const run = runOf(delta);
    for (let block = run ? named : ownerOf(delta, named); block; block = block.aside) {
      if (this.#give(block, delta)) return;
    }
    this.touched = undefined;
    if (run === undefined) return;
    if (run.start === undefined) {
      named?.keep(delta);
      if (asString(delta[run.from]) !== '') this.#lose(key);
      return;
    }
    // The start that a gateway left out: no text is lost with it, and none gets into a block of
    // another kind.
    const sole = named || !Number.isInteger(key) ? undefined : this.#soleOpen(run.fits);
    if (sole && this.#give(sole, delta)) return;
    const block = new BlockBuilder(key, run.start, { isOpen: true, isAside: named !== undefined });
    if (named) {
      block.aside = named.aside;
      named.aside = block;
    }
    this.#add(block);
    block.push(delta);
  }

  stop(index: unknown): void {
    const key = keyOf(index);
    const named = this.#find(key);
    this.touched = named;
    for (let block = named; block; block = block.aside) this.#end(block, true);
    if (named === undefined && !this.#lose(key, true)) this.#strayStop = { index: key };
  }

  /** Ends all blocks: the reply says that it is over. */
  endAll(): void {
    for (const blocks of this.#open.values()) for (const block of blocks) this.#end(block);
  }

  /** The reply waits for tools. */
  awaitTools(): void {
    if (this.#strayStop) this.stray = { ...this.#strayStop, calls: [], isLost: true };
    this.#strayStop = undefined;
  }

  /** Takes back the blocks from this position on. */
  withdraw(keep: number): void {
    const withdrawn = new Set(this.#all.splice(keep));
    this.touched = undefined;
    this.#byIndex = undefined;
    this.#strayStop = undefined;
    const stands = (block: BlockBuilder) => !withdrawn.has(block);
    this.#stopped = this.#stopped.filter(stands);
    this.#unsettled = this.#unsettled.filter(stands);
    this.#spoiled = this.#spoiled.filter(stands);
    for (const blocks of this.#open.values()) {
      for (const block of blocks) if (!stands(block)) blocks.delete(block);
    }
    this.#last.clear();
    for (const block of this.#all) {
      this.#last.set(block.kind, block);
      while (block.aside && !stands(block.aside)) block.aside = block.aside.aside;
    }
  }

  #add(block: BlockBuilder): void {
    for (const before of this.#stopped) before.follow();
    if (this.#stopped.length > 0) this.#stopped = [];
    this.#all.push(block);
    this.#last.set(block.kind, block);
    this.touched = block;
    if (!block.isAside) this.#byIndex?.set(block.index, block);
    if (block.isOpen) this.#openOf(block).add(block);
    if (block.takesInput) this.#unsettled.push(block);
  }

  /** Gives the delta to the block; `false` if it does not fit. */
  #give(block: BlockBuilder, delta: Fields): boolean {
    const wasOpen = block.isOpen;
    if (!block.push(delta)) return false;
    this.touched = block;
    if (block.isOpen && !wasOpen) this.#openOf(block).add(block);
    return true;
  }

  #end(block: BlockBuilder, isStop = false): void {
    if (!block.isOpen) return;
    block.stop();
    this.#openOf(block).delete(block);
    if (isStop && block.takesInput) this.#stopped.push(block);
  }

  /** Takes note of a stray. Returns whether calls are concerned; only then is a stop one. */
  #lose(index: unknown, isStop = false): boolean {
    const calls = this.#unsettled.filter((block) => block.isUnsettled);
    this.#unsettled = [];
    for (const call of calls) call.spoil();
    this.#spoiled.push(...calls);
    const isLost = this.#spoiled.length === 0;
    if (!isLost || !isStop) this.stray = { index, calls, isLost };
    return !isLost;
  }

  #soleOpen(kind: unknown): BlockBuilder | undefined {
    const last = this.#last.get(kind);
    return last?.isOpen && this.#openOf(last).size === 1 ? last : undefined;
  }

  #openOf({ kind }: BlockBuilder): Set<BlockBuilder> {
    let blocks = this.#open.get(kind);
    if (blocks === undefined) this.#open.set(kind, (blocks = new Set()));
    return blocks;
  }

  #find(index: unknown): BlockBuilder | undefined {
    const last = this.#all.at(-1);
    if (last === undefined || Number.isNaN(index)) return undefined;
    if (last.index === index && !last.isAside) return last;
    if (this.#byIndex === undefined) {
      this.#byIndex = new Map();
      for (const block of this.#all) if (!block.isAside) this.#byIndex.set(block.index, block);
    }
    return this.#byIndex.get(index);
  }
}

/** The kinds of blocks that some deltas are for. */
const OWNERS: ReadonlyMap<unknown, string> = new Map([
  ['signature_delta', 'thinking'],
  ['citations_delta', 'text'],
]);

/** Of the blocks with an index, the one that a delta is for that makes no string longer: else the last. */
function ownerOf({ type }: Fields, named: BlockBuilder | undefined): BlockBuilder | undefined {
  const kind = OWNERS.get(type);
  for (let block = named; block; block = block.aside) if (block.kind === kind) return block;
  return named?.aside ?? named;
}

/** Some gateways write the number as a string. */
function keyOf(index: unknown): unknown {
  return typeof index === 'string' && /^\d+$/.test(index) ? Number(index) : index;
}

/** Whether `start` is the start of the call once more. */
function isRepeated(call: BlockBuilder, { type, id }: Fields): boolean {
  return call.kind === type && asString(id) !== '' && call.block['id'] === id;
}
