/** Fewer keys than this are remembered without looking for those that can be forgotten. */
const FEW_KEYS = 1_000;

interface Item {
  readonly key: unknown;
  readonly priority: number;
}

/**
 * What waits, in fair order: the highest priority first, in it the key that has got least, and for
 * one key in the order of arrival (start-time fair queueing).
 *
 * A key that comes new, or again, begins where the others are: it has no credit for the time in
 * which it wanted nothing.
 */
export class FairQueue<T extends Item> {
  readonly #lanes = new Map<number, Map<unknown, T[]>>();
  /** What each key has got. */
  readonly #got = new Map<unknown, number>();
  /** What the key had got that was served last. */
  #level = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    const { key, priority } = item;
    const lane = this.#lanes.get(priority) ?? new Map<unknown, T[]>();
    const items = lane.get(key) ?? [];
    items.push(item);
    this.#lanes.set(priority, lane.set(key, items));
    this.#size++;
  }

  /** Returns whether the item was waiting. */
  remove(item: T): boolean {
    const { key, priority } = item;
    const lane = this.#lanes.get(priority);
    const items = lane?.get(key);
    const index = items?.indexOf(item) ?? -1;
    if (!lane || !items || index < 0) return false;
    // The first one is nearly always it, and that is what `shift` is fast for.
    if (index === 0) items.shift();
    else items.splice(index, 1);
    this.#size--;
    if (items.length === 0) lane.delete(key);
    if (lane.size === 0) this.#lanes.delete(priority);
    return true;
  }

  /** The item whose turn it is. */
  peek(): T | undefined {
    let highest = -Infinity;
    for (const priority of this.#lanes.keys()) highest = Math.max(highest, priority);
    let next: T | undefined;
    let least = Infinity;
    for (const [key, items] of this.#lanes.get(highest) ?? []) {
      const got = this.#start(key);
      if (got >= least) continue;
      least = got;
      next = items[0];
    }
    return next;
  }

  /** Takes the item out, and charges its key for it. */
  take(item: T, amount: number): void {
    if (!this.remove(item)) return;
    this.#level = this.#start(item.key);
    this.#got.set(item.key, this.#level + amount);
    if (this.#got.size > FEW_KEYS + 2 * this.#size) this.#forget();
  }

  /** Corrects what a key was charged. */
  charge(key: unknown, amount: number): void {
    const got = this.#got.get(key);
    if (got !== undefined) this.#got.set(key, got + amount);
  }

  /** Nothing waits and nothing runs: what was before has no meaning for what comes. */
  reset(): void {
    this.#got.clear();
    this.#level = 0;
  }

  #start(key: unknown): number {
    return Math.max(this.#level, this.#got.get(key) ?? 0);
  }

  #forget(): void {
    const waiting = new Set([...this.#lanes.values()].flatMap((lane) => [...lane.keys()]));
    for (const key of this.#got.keys()) {
      if (!waiting.has(key)) this.#got.delete(key);
    }
  }
}
