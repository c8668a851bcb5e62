import {
  catchError,
  concatMap,
  concatWith,
  defer,
  map,
  type Observable,
  type ObservableInput,
  type OperatorFunction,
} from 'rxjs';
import { type CallStep, CallTracker, type TrackedCall } from '../src/calls/CallTracker.ts';
import { type AnsweredStopReason, requireStopReasons } from '../src/history/stopReasons.ts';
import { checkWithSchema } from '../src/json/checkWithSchema.ts';
import type { DeepPartial } from '../src/json/DeepPartial.ts';
import { JsonText } from '../src/json/JsonText.ts';
import {
  describeIssues,
  type InputOf,
  isSchema,
  type OutputOf,
  requireSchema,
  type StandardSchema,
} from '../src/json/StandardSchema.ts';
import { InvalidJsonError, invalidToolInput } from '../src/message/InvalidJsonError.ts';
import type { AnyStreamEvent, EventsOnly } from '../src/message/StreamEvent.ts';
import { requireOneOf } from '../src/flow/require.ts';

/** The input of one call, as it stands. Calls are told apart by their `id`. */
export type ToolInput<Input = unknown, Output = Input, Name extends string = string> = {
  id: string;
  name: Name;
} & (
  | { status: 'streaming'; value: DeepPartial<Input> | undefined }
  /** The call is proven complete, its JSON strict, and the schema accepts it. */
  | { status: 'complete'; value: Output }
  /** The input was cut, is no JSON, or is refused by the schema; `error.text` is its text. */
  | { status: 'invalid'; value: DeepPartial<Input> | undefined; error: InvalidJsonError }
  /** A `resume` or a `fallback` took the call back, whatever it was before. */
  | { status: 'withdrawn'; value: undefined }
);

export interface ToolInputConfig<Schema extends StandardSchema> {
  /** Checks and types the input. Default: none, and the input is `unknown`. */
  schema?: Schema;
  /**
   * What becomes of an invalid input: a value with the status `invalid`, or an error of the result.
   * Default: `'emit'`, so that one bad call does not end the reply.
   */
  invalid?: 'emit' | 'throw';
  /**
   * Stop reasons that prove a call complete, besides `tool_use`: for a gateway that says `end_turn`
   * where it waits for tools. `null` stands for a reply without one. Default: none.
   */
  stopReasons?: readonly AnsweredStopReason[] | undefined;
}

/**
 * Follows the input of a tool's calls while the model writes it: a live form.
 *
 * ```text
 * source  --{--a--b--}--x--S|    { }: a call  a: '{"city":"Par'  b: 'is"}'  x: 'tool_use'
 *         toolInput('weather', schema)
 * result  --s--A--B-----C---|    s: streaming, nothing yet  A: streaming { city: 'Par' }
 *                                C: complete { city: 'Paris' }
 * ```
 *
 * Snapshots are immutable, share what has not changed, and are typed as a deep partial of the
 * schema's input; the last value of a call is typed as its output. Several calls of the tool are
 * told apart by `id`.
 *
 * - `complete` comes when the call is proven complete: when a block starts after its end, or with the
 *   stop reason `tool_use`. The end of its own block is no proof. A call without arguments has the
 *   input `{}`.
 * - An input that is cut (`max_tokens`, `refusal` ...), malformed, or refused by the schema is
 *   `invalid`, with an `InvalidJsonError` that has the raw text. The other calls go on.
 * - A call that a `resume` or a `fallback` takes back is `withdrawn`, also one that was `complete`.
 * - To run tools, use `toolUses`: it emits only what may run.
 * - A schema may check asynchronously; the order of values is kept, and snapshots that wait behind a
 *   check become one. What a schema throws is passed on.
 * - Error: passed on at once; a call under way is not ended, and a value that is still being checked
 *   is dropped. Complete: passed on; a call that the source left open is `invalid` before.
 *   Unsubscribe: the source is unsubscribed.
 *
 * @throws TypeError when `name` is empty, or the schema or the config is not valid.
 *
 * @example
 * ```ts
 * import { fromResponse, toolInput } from 'claude-rx';
 * import { z } from 'zod';
 *
 * const Booking = z.object({ city: z.string(), nights: z.number() });
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', signal }))
 *   .pipe(toolInput('book_hotel', Booking))
 *   .subscribe((input) => {
 *     if (input.status === 'invalid') console.log(input.error.message, input.error.text);
 *     else console.log(input.id, input.status, input.value?.city);
 *   });
 * ```
 */
export function toolInput<
  Schema extends StandardSchema = StandardSchema,
  const Name extends string = string,
  E = AnyStreamEvent,
>(
  name: Name,
  schemaOrConfig?: Schema | ToolInputConfig<Schema>,
): OperatorFunction<EventsOnly<E>, ToolInput<InputOf<Schema>, OutputOf<Schema>, Name>>;
export function toolInput<
  Schema extends StandardSchema = StandardSchema,
  const Name extends string = string,
>(
  name: Name,
  schemaOrConfig: Schema | ToolInputConfig<Schema> = {},
): OperatorFunction<AnyStreamEvent, ToolInput<InputOf<Schema>, OutputOf<Schema>, Name>> {
  const { schema, invalid, stopReasons } = checkedConfig(name, schemaOrConfig);
  type State = ToolInput<InputOf<Schema>, OutputOf<Schema>, Name>;
  type Partial = DeepPartial<InputOf<Schema>>;

  return (source) =>
    defer(() => {
      const tracker = new CallTracker({ stopReasons });
      const texts = new Map<TrackedCall, JsonText>();
      let shown: { call: object; value: unknown } | undefined;

      /** Follows the text at once, so that values that wait behind a check become one. */
      const written = (step: CallStep): boolean => {
        if (step.type === 'failed') return true;
        const { call, type } = step;
        if (call.name !== name) return false;
        if (type !== 'begin' && type !== 'input') return type !== 'unexpected';
        if (type === 'begin' || step.isFirst) texts.set(call, new JsonText());
        if (step.text !== '') texts.get(call)!.push(step.text);
        return true;
      };

      const stateOf = (step: CallStep): ObservableInput<State> => {
        if (step.type === 'failed') throw step.error;
        const { call } = step;
        const { id } = call;
        const json = texts.get(call)!;
        const value = json.value as Partial | undefined;
        const fail = (error: unknown): State[] => {
          if (invalid === 'throw' || !(error instanceof InvalidJsonError)) throw error;
          return [{ id, name, status: 'invalid', value, error }];
        };
        const complete = (input: unknown): Observable<State> =>
          defer(() =>
            schema
              ? checkWithSchema(schema, input, (issues) =>
                  invalidToolInput(
                    call,
                    `is not what the schema wants: ${describeIssues(issues)}`,
                    {
                      text: json.text,
                      value: input,
                      issues,
                      partial: tracker.message,
                    },
                  ),
                )
              : [input as OutputOf<Schema>],
          ).pipe(
            map((output): State => ({ id, name, status: 'complete', value: output })),
            catchError(fail),
          );
        switch (step.type) {
          case 'begin':
          case 'input':
            if (shown?.call === call && shown.value === value) return [];
            shown = { call, value };
            return [{ id, name, status: 'streaming', value }];
          case 'complete':
            return complete(value ?? {});
          case 'invalid':
          case 'cut':
            return fail(step.error);
          case 'withdrawn':
            return [{ id, name, status: 'withdrawn', value: undefined }];
          default:
            return [];
        }
      };
      return source.pipe(
        concatMap((event) => tracker.push(event).filter(written)),
        concatWith(defer(() => tracker.end().filter(written))),
        concatMap(stateOf),
      );
    });
}

function checkedConfig<Schema extends StandardSchema>(
  name: string,
  schemaOrConfig: Schema | ToolInputConfig<Schema>,
): ToolInputConfig<Schema> {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('toolInput: name the tool whose calls are wanted');
  }
  if (isSchema(schemaOrConfig)) return { schema: schemaOrConfig };
  const isObject = typeof schemaOrConfig === 'object' && schemaOrConfig !== null;
  const {
    schema,
    invalid = 'emit',
    stopReasons = [],
    ...rest
  } = isObject ? schemaOrConfig : { schema: null };
  // A JSON Schema, say, would otherwise be taken for a config without a schema.
  if (schema !== undefined || Object.keys(rest).length > 0) requireSchema('toolInput', schema);
  requireOneOf('toolInput', 'invalid', invalid, ['emit', 'throw']);
  requireStopReasons('toolInput', stopReasons);
  return { invalid, stopReasons, ...(schema && { schema }) };
}
