import { concatMap, defer, from, map, type ObservableInput, type OperatorFunction } from 'rxjs';
import { checkWithSchema } from '../src/json/checkWithSchema.ts';
import type { DeepPartial } from '../src/json/DeepPartial.ts';
import {
  type InputOf,
  type OutputOf,
  requireSchema,
  type StandardSchema,
} from '../src/json/StandardSchema.ts';
import { StreamEnd } from '../src/message/eventKinds.ts';
import { MessageJson } from '../src/message/MessageJson.ts';
import type { AnyStreamEvent, EventsOnly } from '../src/message/StreamEvent.ts';
import { requireMessageStop } from './requireMessageStop.ts';

/** The JSON of a reply: `partial` while it is written, `complete` after the check by the schema. */
export type JsonSnapshot<Input, Output> =
  | { status: 'partial'; value: DeepPartial<Input> | undefined }
  | { status: 'complete'; value: Output };

/**
 * Parses a JSON reply, as `structuredOutput` requests it: emits the value so far while the model writes,
 * then the complete value, checked by the schema.
 *
 * ```text
 * source  --m--a--b--c--x--S|      a: '{"title":"Pan'  b: 'cakes","minu'  c: 'tes":20}'
 *         jsonOutput(Recipe)
 * result  -----A--B--C-----(D|)    A: { title: 'Pan' }  C: { title: 'Pancakes', minutes: 20 }
 *                                  D: complete, the output of the schema
 * ```
 *
 * A snapshot is immutable and shares all unchanged parts with the snapshot before. It shows partial
 * strings; numbers, booleans and null appear when they are complete. Its type is a deep partial of the
 * schema's input. The last value has the type of the schema's output: defaults and transforms apply only
 * at the end.
 *
 * - Each snapshot copies the objects and arrays that are open. For one long array, `jsonElements`
 *   costs less.
 * - JSON that is cut (`max_tokens`, `model_context_window_exceeded`), malformed, or refused by the
 *   schema is an `InvalidJsonError`, when the reply is over, with the text, the value so far and the
 *   reason. So is any JSON before a `refusal`. Complete JSON is accepted after every other stop reason.
 * - A schema may check asynchronously; its errors are passed on.
 * - When a `resume` restarts the reply, the snapshots start again from `undefined`.
 * - Error: passed on as a `MessageStreamError`. Complete: after the last value; a source that
 *   completes before `message_stop` is an error with code `truncated`. Unsubscribe: the source is
 *   unsubscribed.
 *
 * @throws TypeError when `schema` is not a Standard Schema.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, jsonOutput, structuredOutput } from 'claude-rx';
 * import { z } from 'zod';
 *
 * const Recipe = z.object({ title: z.string(), minutes: z.number() });
 * fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user', content: 'A recipe for pancakes' }],
 *   ...structuredOutput(Recipe),
 * })
 *   .pipe(jsonOutput(Recipe))
 *   .subscribe((recipe) => {
 *     if (recipe.status === 'complete') console.log(recipe.value.title.toUpperCase());
 *     else console.log(recipe.value?.title ?? '...');
 *   });
 * ```
 */
export function jsonOutput<Schema extends StandardSchema, E = AnyStreamEvent>(
  schema: Schema,
): OperatorFunction<EventsOnly<E>, JsonSnapshot<InputOf<Schema>, OutputOf<Schema>>>;
export function jsonOutput<Schema extends StandardSchema>(
  schema: Schema,
): OperatorFunction<AnyStreamEvent, JsonSnapshot<InputOf<Schema>, OutputOf<Schema>>> {
  requireSchema('jsonOutput', schema);
  type Snapshot = JsonSnapshot<InputOf<Schema>, OutputOf<Schema>>;
  return (source) =>
    defer(() => {
      const json = new MessageJson();
      const end = new StreamEnd();
      let shown: unknown;
      const snapshots = (event: AnyStreamEvent): ObservableInput<Snapshot> => {
        json.push(event);
        if (end.push(event)) return completed();
        const { value } = json;
        if (value === shown) return [];
        shown = value;
        return [{ status: 'partial', value: value as DeepPartial<InputOf<Schema>> }];
      };
      const completed = (): ObservableInput<Snapshot> => {
        const whole = json.end();
        const checked = checkWithSchema(schema, whole, (issues) => json.refused(whole, issues));
        return from(checked).pipe(map((value): Snapshot => ({ status: 'complete', value })));
      };
      return source.pipe(requireMessageStop(), concatMap(snapshots));
    });
}
