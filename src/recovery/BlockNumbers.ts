/**
 * Numbers the blocks of a reply that consists of several attempts: contiguous from 0, at most one open.
 * Each attempt has its own indices.
 */
export class BlockNumbers {
  /** The positions of the blocks of this attempt, by index. */
  readonly #positions = new Map<number, number>();
  #next = 0;
  #open: number | undefined;

  /** The position of the block that has begun and not ended. */
  get open(): number | undefined {
    return this.#open;
  }

  /** The position of the block with this index; `undefined` before it has begun. */
  of(index: number): number | undefined {
    return this.#positions.get(index);
  }

  /** Begins the block with this index. */
  begin(index: number): number {
    this.#open = this.#next++;
    this.#positions.set(index, this.#open);
    return this.#open;
  }

  /** The block with this index continues the block at `position`. */
  join(index: number, position: number): void {
    this.#positions.set(index, position);
  }

  /** Ends the open block, and returns its position. */
  close(): number | undefined {
    const open = this.#open;
    this.#open = undefined;
    return open;
  }

  /** The number of blocks of the reply before the index `keep` of the attempt. */
  countBefore(keep: number): number {
    let count = 0;
    for (const [index, position] of this.#positions) {
      if (index < keep) count = Math.max(count, position + 1);
    }
    return count;
  }

  /** Another attempt follows, with its own indices. */
  forget(): void {
    this.#positions.clear();
  }

  /** Withdraws the blocks from the position `keep` on. */
  keep(keep: number): void {
    this.#next = keep;
    if (this.#open !== undefined && this.#open >= keep) this.#open = undefined;
  }
}
