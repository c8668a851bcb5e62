type Method = (this: { length?: number; size?: number }, ...given: unknown[]) => unknown;

const OF_ARRAYS =
  'map filter some every find findIndex findLast findLastIndex forEach flatMap reduce indexOf includes slice entries values'.split(
    ' ',
  );
const OF_SETS = ['forEach', 'entries', 'values', 'keys'];

/**
 * How many elements of lists, sets and maps `run` may visit, as each call of a method that goes through
 * one counts all that it holds. A measure of work that no busy machine changes.
 */
export function visitsOf(run: () => void): number {
  let visits = 0;
  const undo: (() => void)[] = [];
  const count = (prototype: object, names: readonly PropertyKey[]): void => {
    for (const name of names) {
      const own = Object.getOwnPropertyDescriptor(prototype, name)!;
      const method = own.value as Method;
      const counted: Method = function (...given) {
        visits += this.length ?? this.size ?? 0;
        return method.apply(this, given);
      };
      Object.defineProperty(prototype, name, { ...own, value: counted });
      undo.push(() => Object.defineProperty(prototype, name, own));
    }
  };
  count(Array.prototype, [...OF_ARRAYS, Symbol.iterator]);
  count(Set.prototype, [...OF_SETS, Symbol.iterator]);
  count(Map.prototype, [...OF_SETS, Symbol.iterator]);
  try {
    run();
  } finally {
    for (const step of undo) step();
  }
  return visits;
}
