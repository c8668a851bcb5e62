import { distinctUntilChanged, filter, map, type OperatorFunction, pipe } from 'rxjs';
import { branchAt, requirePath } from '../src/json/branchAt.ts';
import type { JsonPath } from '../src/json/JsonValue.ts';

/** The type of the branch of `T` at a path; `unknown` if `T` has no type for that path. */
export type ValueAt<T, Path extends JsonPath> = [Branch<T, Path>] extends [never]
  ? unknown
  : Branch<T, Path>;

/** For a union: the branches of the members that have the path. */
type Branch<T, Path extends JsonPath> = Path extends readonly [
  infer Step,
  ...infer Rest extends JsonPath,
]
  ? Branch<Step extends string | number ? Child<T, Step> : never, Rest>
  : Path extends readonly []
    ? Exclude<T, undefined>
    : unknown;

type Child<T, Step extends string | number> = unknown extends T
  ? unknown
  : T extends readonly unknown[]
    ? Element<T, Step>
    : T extends object
      ? Step extends keyof T & string
        ? T[Step]
        : never
      : never;

type Element<T extends readonly unknown[], Step extends string | number> = Step extends number
  ? `${Step}` extends keyof T
    ? T[`${Step}` & keyof T]
    : number extends T['length'] | Step
      ? T[number]
      : never
  : never;

/**
 * Emits one branch of JSON that is being written, each time the branch changes.
 *
 * ```text
 * source  --A--B--C--D--|    A: { title: 'Pan' }  B, C: steps grow  D: { minutes: 5 }
 *         jsonPath(['title'])
 * result  --a-----------|    a: 'Pan'
 * ```
 *
 * Put it after `jsonOutput` or `toolInput`. Snapshots share unchanged parts, so branches are compared by
 * reference (`===`).
 *
 * - A step of the path is a key of an object (a string) or an index of an array (a number).
 * - While there is nothing at the path, nothing is emitted.
 * - The last value comes from the schema, with new objects and arrays: so an object or array is emitted
 *   once more at the end; an unchanged string or number is not.
 * - `toolInput` may emit several calls: filter by the `id` of one call first.
 * - Error, complete: passed on. Unsubscribe: the source is unsubscribed.
 *
 * @throws TypeError when `path` is not an array of strings and numbers.
 *
 * @example
 * ```ts
 * import { fromResponse, jsonOutput, jsonPath } from 'claude-rx';
 * import { z } from 'zod';
 *
 * const Recipe = z.object({ title: z.string(), steps: z.array(z.object({ text: z.string() })) });
 * fromResponse((signal) => fetch('/api/recipe', { method: 'POST', signal }))
 *   .pipe(jsonOutput(Recipe), jsonPath(['steps', 0, 'text']))
 *   .subscribe((text) => console.log(text.length));
 * ```
 */
export function jsonPath<T extends { value: unknown }, const Path extends JsonPath>(
  path: Path,
): OperatorFunction<T, ValueAt<T['value'], Path>> {
  requirePath('jsonPath', path);
  return pipe(
    map(({ value }: T) => branchAt(value, path) as ValueAt<T['value'], Path>),
    filter((value) => value !== undefined),
    distinctUntilChanged(),
  );
}
