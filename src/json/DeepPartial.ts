/**
 * A value of type `T` while its JSON is still being written, as `IncrementalJsonParser` returns it.
 *
 * - Objects may lack any property. Arrays and tuples may lack later elements, and the last element may be
 *   partial.
 * - A string may be incomplete, so a string literal or enum is a `string` here.
 * - Numbers, booleans and null appear only when they are complete, and keep their types.
 * - Everything is read-only: snapshots share unchanged parts.
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

/** A record gets no `?`, which would make its values `undefined` too. */
type PartialObject<T extends object> = [KnownKey<T>] extends [never]
  ? { readonly [Key in keyof T]: DeepPartial<T[Key]> }
  : { readonly [Key in keyof T]?: DeepPartial<T[Key]> };

type KnownKey<T> = keyof {
  [Key in keyof T as string extends Key ? never : number extends Key ? never : Key]: unknown;
};

/** A tuple may lack its later elements; an array of any length may have fewer elements. */
type PartialArray<T extends readonly unknown[]> = number extends T['length']
  ? T extends readonly [infer First, ...infer Rest]
    ? readonly [DeepPartial<First>?, ...PartialArray<Rest>]
    : readonly DeepPartial<T[number]>[]
  : { readonly [Index in keyof T]?: DeepPartial<T[Index]> };
