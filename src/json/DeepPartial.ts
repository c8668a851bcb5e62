/**
 * A value of type `T` while its JSON is still being written, as `IncrementalJsonParser` shows it.
 *
 * - Objects may lack any property; arrays and tuples have some of their elements, the last one
 *   perhaps partial.
 * - A string may be the beginning of one, so a literal or enum of strings is a `string` here.
 * - Numbers, booleans and null are shown only when they are whole, and keep their types.
 * - All of it is read-only: snapshots share what has not changed.
 *
 * @example
 * ```ts
 * import type { DeepPartial } from 'claude-rx';
 *
 * type Recipe = { title: string; difficulty: 'easy' | 'hard'; steps: { minutes: number }[] };
 * const shown: DeepPartial<Recipe> = { title: 'Pancak', difficulty: 'eas', steps: [{}] };
 * console.log(shown.steps?.[0]?.minutes);
 * ```
 */
export type DeepPartial<T> = unknown extends T
  ? unknown
  : T extends string
    ? string
    : T extends number | boolean | bigint | null | undefined
      ? T
      : T extends readonly unknown[]
        ? PartialArray<T>
        : T extends object
          ? PartialObject<T>
          : T;

/** With `?`, a record would have values that are `undefined`. */
type PartialObject<T extends object> = [KnownKey<T>] extends [never]
  ? { readonly [Key in keyof T]: DeepPartial<T[Key]> }
  : { readonly [Key in keyof T]?: DeepPartial<T[Key]> };

type KnownKey<T> = keyof {
  [Key in keyof T as string extends Key ? never : number extends Key ? never : Key]: unknown;
};

/** A tuple may lack its later elements; what has no fixed number of elements may have fewer. */
type PartialArray<T extends readonly unknown[]> = number extends T['length']
  ? T extends readonly [infer First, ...infer Rest]
    ? readonly [DeepPartial<First>?, ...PartialArray<Rest>]
    : readonly DeepPartial<T[number]>[]
  : { readonly [Index in keyof T]?: DeepPartial<T[Index]> };
