import type { JsonPath, JsonValue } from './JsonValue.ts';

type Container = JsonValue[] | Record<string, JsonValue>;

/** An open array or object, and the slot of it that is being filled. */
interface Level {
  readonly isArray: boolean;
  /** Written to while the level is open, and never handed out before it is closed. */
  readonly working: Container;
  /** The copy that was handed out last. */
  snapshot: Container;
  /** The key of the slot, in an object. */
  key: string;
  /** How many values are complete: in an array, the index of the slot. */
  index: number;
  /** The complete entries of a wide object. */
  keys: string[] | undefined;
  values: JsonValue[] | undefined;
}

/**
 * A JSON value under construction, and its immutable snapshots.
 *
 * What is closed is shared by all snapshots. What is open is copied for a snapshot, and only if
 * something changed since the one before: to build a value that nobody looks at copies nothing.
 */
export class JsonTree {
  /** The first one never closes: it is an array for the root, which so has a slot like any other. */
  readonly #levels: Level[] = [newLevel(true)];
  #top: Level = this.#levels[0]!;
  /** What is in the slot of the innermost level, if anything is. */
  #slot: JsonValue | undefined;
  /** The last snapshot, and whether anything changed since. */
  #root: JsonValue | undefined;
  #changed = false;

  /** How many arrays and objects are open. */
  get depth(): number {
    return this.#levels.length - 1;
  }

  /** Whether the innermost of them is an array. */
  get isInArray(): boolean {
    return this.#top.isArray;
  }

  /** The value so far, the same one until something changes. */
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

  /** What the slot of the innermost array holds. */
  get element(): JsonValue {
    return this.#slot!;
  }

  /** Opens the slot of the innermost object for this key. */
  set key(key: string) {
    this.#top.key = key;
  }

  /** Fills the slot, or fills it again with more of the same string. */
  put(value: JsonValue): void {
    fill(this.#top.working, this.#top, value);
    this.#slot = value;
    this.#changed = true;
  }

  /** Fills the slot with an empty array or object, and goes into it. */
  open(isArray: boolean): void {
    const level = newLevel(isArray);
    this.put(level.working);
    this.#levels.push(level);
    this.#top = level;
    this.#slot = undefined;
  }

  /** Comes out of the innermost array or object. If the last copy of it has all, that one stays. */
  close(): void {
    const { working, snapshot } = this.#levels.pop()!;
    this.#top = this.#levels[this.#levels.length - 1]!;
    if (!this.#changed) fill(this.#top.working, this.#top, snapshot);
    this.#slot = this.#changed ? working : snapshot;
  }

  /** The value in the slot is complete: on to the next slot. */
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

  /** Takes the complete value out of the slot of an array. */
  drop(): void {
    (this.#top.working as JsonValue[]).pop();
    this.#slot = undefined;
    this.#changed = true;
  }

  /** Whether the slot is one of the array at `path`. */
  isElementOf(path: JsonPath): boolean {
    if (this.depth !== path.length + 1 || !this.#top.isArray) return false;
    return path.every((step, i) => {
      const { isArray, index, key } = this.#levels[i + 1]!;
      return step === (isArray ? index : key);
    });
  }
}

/**
 * V8 makes an object that gets more keys than this, one by one, a hash table. To copy one, spread
 * takes 200 ns a key; 30 ns if the copy has no prototype at first, and so is one from the start.
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

/** To assign to `__proto__` would set the prototype. `JSON.parse` makes it a key like any other. */
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
