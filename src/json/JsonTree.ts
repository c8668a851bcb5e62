import type { JsonPath, JsonValue } from './JsonValue.ts';

type Container = JsonValue[] | Record<string, JsonValue>;

/** An open array or object, and its slot that is being filled. */
interface Level {
  readonly isArray: boolean;
  /** Modified while the level is open, and returned only after it is closed. */
  readonly working: Container;
  /** The copy that was returned last. */
  snapshot: Container;
  /** The key of the slot, in an object. */
  key: string;
  /** The number of complete values: in an array, the index of the slot. */
  index: number;
  /** The keys of the complete entries of a wide object. */
  keys: string[] | undefined;
  values: JsonValue[] | undefined;
}

/**
 * A JSON value under construction, and its immutable snapshots.
 *
 * All snapshots share closed arrays and objects. Open ones are copied for a snapshot, and only if something
 * changed since the snapshot before: without reads of `snapshot`, nothing is copied.
 */
export class JsonTree {
  /** The first level never closes: it is an array with a slot for the root value. */
  readonly #levels: Level[] = [newLevel(true)];
  #top: Level = this.#levels[0]!;
  /** The value in the slot of the innermost level, if there is one. */
  #slot: JsonValue | undefined;
  /** The last snapshot, and whether anything changed since. */
  #root: JsonValue | undefined;
  #changed = false;

  /** The number of open arrays and objects. */
  get depth(): number {
    return this.#levels.length - 1;
  }

  /** Whether the innermost level is an array. */
  get isInArray(): boolean {
    return this.#top.isArray;
  }

  /** The value so far: the same object until something changes. */
  get snapshot(): JsonValue | undefined {
    if (this.#changed) {
      this.#changed = false;
      let inner = this.#slot;
      for (let i = this.#levels.length - 1; i > 0; i--) {
        const level = this.#levels[i]!;
        level.snapshot = copy(level);
        if (inner !== undefined) fill(level.snapshot, level, inner);
        inner = level.snapshot;
      }
      this.#root = inner;
    }
    return this.#root;
  }

  /** The value in the slot of the innermost array. */
  get element(): JsonValue {
    return this.#slot!;
  }

  /** Opens the slot of the innermost object for this key. */
  set key(key: string) {
    this.#top.key = key;
  }

  /** Fills the slot, or replaces its string by a longer one. */
  put(value: JsonValue): void {
    fill(this.#top.working, this.#top, value);
    this.#slot = value;
    this.#changed = true;
  }

  /** Fills the slot with an empty array or object, which becomes the innermost level. */
  open(isArray: boolean): void {
    const level = newLevel(isArray);
    this.put(level.working);
    this.#levels.push(level);
    this.#top = level;
    this.#slot = undefined;
  }

  /** Closes the innermost array or object. If its last copy is complete, that copy is kept. */
  close(): void {
    const { working, snapshot } = this.#levels.pop()!;
    this.#top = this.#levels[this.#levels.length - 1]!;
    if (!this.#changed) fill(this.#top.working, this.#top, snapshot);
    this.#slot = this.#changed ? working : snapshot;
  }

  /** Moves to the next slot: the value in this slot is complete. */
  next(): void {
    const top = this.#top;
    top.index += 1;
    if (top.keys !== undefined) {
      top.keys.push(top.key);
      top.values!.push(this.#slot!);
    } else if (top.index > WIDE && !top.isArray) {
      top.keys = Object.keys(top.working);
      top.values = Object.values(top.working);
    }
    this.#slot = undefined;
  }

  /** Removes the complete value from the slot of an array. */
  drop(): void {
    (this.#top.working as JsonValue[]).pop();
    this.#slot = undefined;
    this.#changed = true;
  }

  /** Whether the slot belongs to the array at `path`. */
  isElementOf(path: JsonPath): boolean {
    if (this.depth !== path.length + 1 || !this.#top.isArray) return false;
    return path.every((step, i) => {
      const { isArray, index, key } = this.#levels[i + 1]!;
      return step === (isArray ? index : key);
    });
  }
}

/**
 * V8 turns an object that gets more keys than this, one by one, into a hash table. Copying it with a spread
 * takes 200 ns per key; 30 ns if the copy starts without a prototype, because it is then a hash table at once.
 */
const WIDE = 16;

function copy({ working, keys, values }: Level): Container {
  if (Array.isArray(working)) return working.slice();
  if (keys === undefined) return { ...working };
  const table = Object.create(null);
  for (let i = 0; i < keys.length; i++) table[keys[i]!] = values![i]!;
  return Object.setPrototypeOf(table, Object.prototype);
}

function newLevel(isArray: boolean): Level {
  const working = isArray ? [] : {};
  return {
    isArray,
    working,
    snapshot: working,
    key: '',
    index: 0,
    keys: undefined,
    values: undefined,
  };
}

function fill(container: Container, { isArray, index, key }: Level, value: JsonValue): void {
  if (isArray) (container as JsonValue[])[index] = value;
  else define(container as Record<string, JsonValue>, key, value);
}

/** Sets a property. An assignment to `__proto__` would set the prototype; `JSON.parse` treats it as a key. */
function define(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key !== '__proto__') object[key] = value;
  else
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
}
