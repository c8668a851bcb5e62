/** Fewer keys than this are remembered without looking for those that can be forgotten. */
const FEW_KEYS = 1_000;

interface Item {
  readonly key: unknown;
  readonly priority: number;
}

/** The items of one priority. */
interface Lane<T> {
  readonly items: Map<unknown, T[]>;
  /** What the key had got that was served last. */
  level: number;
}

/**
 * What waits, in fair order: the highest priority first, in it the key that has got least, and for
 * one key in the order of arrival (start-time fair queueing).
 *
 * A key of which nothing waited begins where the others are: it has no credit for the time in which
 * it wanted nothing. A key of which something waits keeps what it is owed.
 */
export class FairQueue<T extends Item> {
  readonly #lanes = new Map<number, Lane<T>>();
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
    const lane = this.#lanes.get(priority) ?? {
      items: new Map<unknown, T[]>(),
      level: this.#level,
    };
    this.#lanes.set(priority, lane);
    this.#size++;
    const items = lane.items.get(key);
    if (items !== undefined) return void items.push(item);
    lane.items.set(key, [item]);
    this.#got.set(key, Math.max(lane.level, this.#got.get(key) ?? 0));
    if (this.#got.size > FEW_KEYS + 2 * this.#size) this.#forget();
  }

  /** Returns whether the item was waiting. */
  remove(item: T): boolean {
    const { key, priority } = item;
    const lane = this.#lanes.get(priority);
    const items = lane?.items.get(key);
    const index = items?.indexOf(item) ?? -1;
    if (!lane || !items || index < 0) return false;
    // The first one is nearly always it, and that is what `shift` is fast for.
    if (index === 0) items.shift();
    else items.splice(index, 1);
    this.#size--;
    if (items.length === 0) lane.items.delete(key);
    if (lane.items.size === 0) this.#lanes.delete(priority);
    return true;
  }

  /** The item whose turn it is. */
  peek(): T | undefined {
    let highest = -Infinity;
    for (const priority of this.#lanes.keys()) highest = Math.max(highest, priority);
    let next: T | undefined;
    let least = Infinity;
    for (const [key, items] of this.#lanes.get(highest)?.items ?? []) {
      const got = this.#got.get(key)!;
      if (got >= least) continue;
      least = got;
      next = items[0];
    }
    return next;
  }

  /** Takes the item out to be served. */
  take(item: T): void {
    const lane = this.#lanes.get(item.priority);
    if (!this.remove(item)) return;
    this.#level = this.#got.get(item.key)!;
    lane!.level = this.#level;
  }

  /** Charges a key, or corrects what it was charged. */
  charge(key: unknown, amount: number): void {
    const got = this.#got.get(key);
    if (got !== undefined) this.#got.set(key, got + amount);
  }

  /** Nothing waits and nothing runs: what was before has no meaning for what comes. */
  reset(): void {
    this.#got.clear();
    this.#level = 0;
  }

  #forget(): void {
    const waiting = new Set([...this.#lanes.values()].flatMap(({ items }) => [...items.keys()]));
    for (const key of this.#got.keys()) {
      if (!waiting.has(key)) this.#got.delete(key);
    }
  }
}
