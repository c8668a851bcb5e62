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

/** The input of one tool call so far. The `id` identifies the call. */
export type ToolInput<Input = unknown, Output = Input, Name extends string = string> = {
  id: string;
  name: Name;
} & (
  | { status: 'streaming'; value: DeepPartial<Input> | undefined }
  /** The call is complete, its input is strict JSON, and the schema accepts it. */
  | { status: 'complete'; value: Output }
  /** The input was cut off, is not JSON, or fails the schema; `error.text` is the raw text. */
  | { status: 'invalid'; value: DeepPartial<Input> | undefined; error: InvalidJsonError }
  /** A `resume` or a `fallback` has withdrawn the call, whatever its status was. */
  | { status: 'withdrawn'; value: undefined }
);

export interface ToolInputConfig<Schema extends StandardSchema> {
  /** Validates and types the input. Default: none, and the input is `unknown`. */
  schema?: Schema;
  /**
   * What an invalid input causes: `'emit'` emits a value with the status `invalid`, `'throw'` an error
   * of the result. Default: `'emit'`, so one bad call does not end the reply.
   */
  invalid?: 'emit' | 'throw';
  /**
   * Stop reasons after which a call counts as complete, besides `tool_use`: for a gateway that sends
   * `end_turn` when it waits for tool results. `null` means a reply without a stop reason. Default: none.
   */
  stopReasons?: readonly AnsweredStopReason[] | undefined;
}

/**
 * Emits the input of a tool's calls while the model streams it, for example to fill a live form.
 *
 * ```text
 * source  --{--a--b--}--x--S|    { }: a call  a: '{"city":"Par'  b: 'is"}'  x: 'tool_use'
 *         toolInput('weather', schema)
 * result  --s--A--B-----C---|    s: streaming, nothing yet  A: streaming { city: 'Par' }
 *                                C: complete { city: 'Paris' }
 * ```
 *
 * Snapshots are immutable and share unchanged parts. They are typed as a deep partial of the schema's
 * input; the value of a complete call is typed as the schema's output. If the reply has several calls
 * of the tool, the `id` identifies each.
 *
 * - A call is `complete` when another block starts after it, or with the stop reason `tool_use`. The
 *   end of its own block is not enough, because it also follows a call that was cut off. A call without
 *   arguments has the input `{}`.
 * - An input that is cut off (`max_tokens`, `refusal` ...), malformed or fails the schema is `invalid`,
 *   with an `InvalidJsonError` that has the raw text. Other calls go on.
 * - A call that a `resume` or a `fallback` withdraws is `withdrawn`, also if it was `complete`.
 * - To run tools, use `toolUses`: it emits only calls that may run.
 * - A schema may validate asynchronously. The order of values is kept, and snapshots that wait for a
 *   validation are merged into one. An error that a schema throws is passed on.
 * - Error: passed on at once; an unfinished call gets no final value, and a value that is still being
 *   validated is dropped. Complete: passed on; before that, an unfinished call is `invalid`.
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

      /** Parses the text at once, so that values that wait for a validation are merged into one. */
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
                  invalidToolInput(call, `does not match the schema: ${describeIssues(issues)}`, {
                    text: json.text,
                    value: input,
                    issues,
                    partial: tracker.message,
                  }),
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
    throw new TypeError('toolInput: pass the name of a tool, a string that is not empty');
  }
  if (isSchema(schemaOrConfig)) return { schema: schemaOrConfig };
  const isObject = typeof schemaOrConfig === 'object' && schemaOrConfig !== null;
  const {
    schema,
    invalid = 'emit',
    stopReasons = [],
    ...rest
  } = isObject ? schemaOrConfig : { schema: null };
  // For example, a JSON Schema would otherwise count as a config without a schema.
  if (schema !== undefined || Object.keys(rest).length > 0) requireSchema('toolInput', schema);
  requireOneOf('toolInput', 'invalid', invalid, ['emit', 'throw']);
  requireStopReasons('toolInput', stopReasons);
  return { invalid, stopReasons, ...(schema && { schema }) };
}
