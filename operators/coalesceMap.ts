import {
  concatMap,
  defer,
  filter,
  type ObservableInput,
  type ObservedValueOf,
  type OperatorFunction,
} from 'rxjs';
import { errorLast } from '../src/flow/errorLast.ts';
import { requireFunction } from '../src/flow/require.ts';
import { mergeAdjacent } from '../src/message/mergeAdjacent.ts';

/**
 * `concatMap` whose queue does not grow: all waiting values are merged into one.
 *
 * ```text
 * source  -abcd---------e-|
 *         coalesceMap(write)      write takes 4
 * write   -a---B--------e-        B: 'bcd'
 * result  -----A---B--------(E|)
 * ```
 *
 * Nothing is lost and the order is kept: a slow consumer of text gets the same text in fewer, larger
 * pieces.
 *
 * Without `merge`, strings are joined, and so are consecutive deltas of one block in a stream of
 * events. Values that cannot be merged wait separately: starts and stops of blocks, and citations,
 * which are few. Your own `merge` returns `undefined` for two values that cannot be merged.
 *
 * - Error of the source: passed on after `project` has processed the waiting values. Error of
 *   `project`: passed on at once.
 * - Complete: after `project` has processed the waiting values.
 * - Unsubscribe: the source and the result of `project` are unsubscribed, and waiting values are dropped.
 *
 * @throws TypeError when `project` or `merge` is not a function. The result errors with a TypeError when
 * values that are neither text nor events have to wait and there is no `merge`.
 *
 * @example
 * ```ts
 * import { coalesceMap, fromResponse, textOnly } from 'claude-rx';
 *
 * declare const send: (text: string) => Promise<void>;
 *
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }))
 *   .pipe(textOnly(), coalesceMap(send))
 *   .subscribe({ error: (error) => console.error(error.message) });
 * ```
 */
export function coalesceMap<
  T extends string | { type: string },
  O extends ObservableInput<unknown>,
>(project: (value: T, index: number) => O): OperatorFunction<T, ObservedValueOf<O>>;
export function coalesceMap<T, O extends ObservableInput<unknown>>(
  project: (value: T, index: number) => O,
  merge: (waiting: T, next: T) => T | undefined,
): OperatorFunction<T, ObservedValueOf<O>>;
export function coalesceMap<T, O extends ObservableInput<unknown>>(
  project: (value: T, index: number) => O,
  merge: (waiting: T, next: T) => T | undefined = mergeAdjacent,
): OperatorFunction<T, ObservedValueOf<O>> {
  requireFunction('coalesceMap', 'project', project, 'a function, such as (text) => send(text)');
  requireFunction('coalesceMap', 'merge', merge, 'a function that merges two values');
  return errorLast((source) =>
    defer(() => {
      const waiting: T[] = [];
      /** Whether the value cannot be merged into the last waiting value. */
      const waitsAlone = (value: T): boolean => {
        const merged = waiting.length > 0 ? merge(waiting.at(-1)!, value) : undefined;
        if (merged === undefined) waiting.push(value);
        else waiting[waiting.length - 1] = merged;
        return merged === undefined;
      };
      return source.pipe(
        filter(waitsAlone),
        // Read from the queue: by now the value may be merged with later values.
        concatMap((_, index) => project(waiting.shift()!, index)),
      );
    }),
  );
}
