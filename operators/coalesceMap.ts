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
 * `concatMap` whose queue does not grow: values that wait are merged into one.
 *
 * ```text
 * source  -abcd---------e-|
 *         coalesceMap(write)      write takes 4
 * write   -a---B--------e-        B: 'bcd'
 * result  -----A---B--------(E|)
 * ```
 *
 * It is lossless, and keeps the order: for text, what was written is what came, in fewer, larger
 * pieces, as many as the slow step can take. No more than one merged value waits.
 *
 * Without `merge`, text is joined, and of stream events the deltas of one block that follow each
 * other are. What cannot be joined waits in its turn: the starts and stops of blocks, and citations,
 * of which there are few. `merge` gives `undefined` for two values that cannot be one.
 *
 * - Error of the source: after what waits has been worked on. Error of the step: at once.
 * - Complete: after what waits has been worked on.
 * - Unsubscribe: the source and the step are unsubscribed, and what waits is dropped.
 *
 * @throws TypeError when `project` or `merge` is no function; as an error of the result, where
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
      /** Whether the value waits by itself, and is not merged into the one before it. */
      const waitsAlone = (value: T): boolean => {
        const merged = waiting.length > 0 ? merge(waiting.at(-1)!, value) : undefined;
        if (merged === undefined) waiting.push(value);
        else waiting[waiting.length - 1] = merged;
        return merged === undefined;
      };
      return source.pipe(
        filter(waitsAlone),
        // It was merged with what came after it.
        concatMap((_, index) => project(waiting.shift()!, index)),
      );
    }),
  );
}
