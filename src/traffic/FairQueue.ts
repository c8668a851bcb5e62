/** Up to this number of keys, old keys are not looked for and removed. */
const FEW_KEYS = 1_000;

interface Item {
  readonly key: unknown;
  readonly priority: number;
}

/** The items of one priority. */
interface Lane<T> {
  readonly items: Map<unknown, T[]>;
  /** The amount that the most recently served key had received. */
  level: number;
}

/**
 * A queue in fair order: the highest priority first; within a priority the key that has received the
 * least; within a key the order of arrival (start-time fair queueing).
 *
 * A key without waiting items starts at the level of the others, so it gets no credit for the time in
 * which it had no requests. A key with waiting items keeps its credit.
 */
export class FairQueue<T extends Item> {
  readonly #lanes = new Map<number, Lane<T>>();
  /** The amount that each key has received. */
  readonly #got = new Map<unknown, number>();
  /** The amount that the most recently served key had received. */
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

  /** Removes a waiting item; returns whether it was waiting. */
  remove(item: T): boolean {
    const { key, priority } = item;
    const lane = this.#lanes.get(priority);
    const items = lane?.items.get(key);
    const index = items?.indexOf(item) ?? -1;
    if (!lane || !items || index < 0) return false;
    // The item is nearly always the first, and `shift` is fast.
    if (index === 0) items.shift();
    else items.splice(index, 1);
    this.#size--;
    if (items.length === 0) lane.items.delete(key);
    if (lane.items.size === 0) this.#lanes.delete(priority);
    return true;
  }

  /** The next item in fair order. */
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

  /** Removes the item from the queue in order to serve it. */
  take(item: T): void {
    const lane = this.#lanes.get(item.priority);
    if (!this.remove(item)) return;
    this.#level = this.#got.get(item.key)!;
    lane!.level = this.#level;
  }

  /** Adds to the amount that a key has received; a negative amount corrects it. */
  charge(key: unknown, amount: number): void {
    const got = this.#got.get(key);
    if (got !== undefined) this.#got.set(key, got + amount);
  }

  /** Forgets all amounts. For a gate in which no request waits or runs. */
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
