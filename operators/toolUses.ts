import {
  catchError,
  concat,
  concatMap,
  concatWith,
  defer,
  EMPTY,
  filter,
  map,
  type ObservableInput,
  of,
  type OperatorFunction,
  throwError,
} from 'rxjs';
import { type CallStep, CallTracker, type TrackedCall } from '../src/calls/CallTracker.ts';
import { type AnsweredStopReason, requireStopReasons } from '../src/history/stopReasons.ts';
import { checkWithSchema } from '../src/json/checkWithSchema.ts';
import {
  describeIssues,
  isSchema,
  type OutputOf,
  requireSchema,
  type StandardIssue,
  type StandardSchema,
} from '../src/json/StandardSchema.ts';
import { InvalidJsonError, invalidToolInput } from '../src/message/InvalidJsonError.ts';
import type { MessageStreamError } from '../src/message/MessageStreamError.ts';
import type { AnyStreamEvent, ToolUseOf } from '../src/message/StreamEvent.ts';

/** The schemas of the tools' inputs, by the names of the tools. */
export type ToolSchemas = Readonly<Record<string, StandardSchema>>;

/** A call of one of the tools in `Schemas`, with the output of the tool's schema as its input. */
export type CheckedToolUse<E extends AnyStreamEvent, Schemas extends ToolSchemas> = {
  [Name in keyof Schemas & string]: Omit<ToolUseOf<E>, 'name' | 'input'> & {
    name: Name;
    input: OutputOf<Schemas[Name]>;
  };
}[keyof Schemas & string];

export interface ToolUsesConfig {
  /**
   * Stop reasons after which calls may run, besides `tool_use`: for a gateway that sends `end_turn` when
   * it waits for tool results. `null` means a reply without a stop reason. Default: none.
   */
  stopReasons?: readonly AnsweredStopReason[] | undefined;
}

/**
 * Emits the tool calls that may run: those that are complete and whose input is strict JSON.
 *
 * ```text
 * source  --m--{--a--}--{--b--}--x--S|    { }: a call, x: stop_reason 'tool_use'
 *         toolUses()
 * result  --------------A--------B---|
 *
 * source  --m--{--a--}--{--b--}--y--S|    y: stop_reason 'max_tokens'
 *         toolUses()
 * result  --------------A------------|    the last call was cut
 * ```
 *
 * A call is complete when another block starts after its `content_block_stop`, or with the stop reason
 * `tool_use`. Its `content_block_stop` alone is not enough: a reply that is cut off ends its last block
 * too, and the incomplete input may be valid JSON, such as `{"path": "/"}` (SDK
 * src/lib/internal/BetaToolRunnerStream.ts). So the last call is not emitted if the stop reason is
 * `max_tokens`, `refusal`, `model_context_window_exceeded`, `pause_turn` or `compaction`, or if a
 * `fallback` block follows. Calls of server tools (`server_tool_use`, `mcp_tool_use`), which run at
 * Anthropic, are not emitted either.
 *
 * With `schemas`, one for each tool by its name, the input of each call is validated, and the emitted
 * call has the output of the schema as its input and type. A call that fails its schema, or whose tool
 * has no schema, is not emitted and is handled like invalid JSON. A schema may validate asynchronously;
 * the order is kept. An error that a schema throws is passed on.
 *
 * - Invalid input: the other calls are emitted, and when the source completes, the result errors with
 *   an `InvalidJsonError` that names the call. Input is invalid if it is not a JSON object, as is
 *   possible with fine-grained tool streaming (docs:
 *   /docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming), if a part may be missing, or if it
 *   goes on after the call was emitted.
 * - A last call with another stop reason (`end_turn`, `stop_sequence`, an unknown one, none): when the
 *   source completes, the result errors with a `MessageStreamError` with code `protocol` that names the
 *   stop reason. For a gateway that sends such a stop reason when it waits for tool results, set
 *   `stopReasons`.
 * - Input for a call that has not started: a `MessageStreamError` with code `protocol`, at once.
 * - A `resume` withdraws calls that were not emitted yet. Emitted calls were complete, and stay
 *   emitted.
 * - Error, complete: passed on; a call that is not complete by then is not emitted.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @throws TypeError when `schemas` is not an object of Standard Schemas, or `stopReasons` has a stop
 * reason after which a call may be incomplete.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, toolUses } from 'claude-rx';
 * import { z } from 'zod';
 *
 * const get_weather = z.object({ city: z.string() });
 * const get_time = z.object({ timeZone: z.string() });
 *
 * fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user', content: 'What time and weather is it in Paris?' }],
 *   tools: [
 *     { name: 'get_weather', input_schema: { type: 'object' } },
 *     { name: 'get_time', input_schema: { type: 'object' } },
 *   ],
 * })
 *   .pipe(toolUses({ get_weather, get_time }))
 *   .subscribe((call) => {
 *     if (call.name === 'get_weather') console.log(call.id, call.input.city);
 *     else console.log(call.id, call.input.timeZone);
 *   });
 * ```
 */
export function toolUses<E extends AnyStreamEvent>(
  schemas?: undefined,
  config?: ToolUsesConfig,
): OperatorFunction<E, ToolUseOf<E>>;
export function toolUses<E extends AnyStreamEvent, Schemas extends ToolSchemas>(
  schemas: Schemas,
  config?: ToolUsesConfig,
): OperatorFunction<E, CheckedToolUse<E, Schemas>>;
export function toolUses<E extends AnyStreamEvent>(
  schemas?: ToolSchemas,
  { stopReasons = [] }: ToolUsesConfig = {},
): OperatorFunction<E, ToolUseOf<E>> {
  if (schemas !== undefined) requireSchemas(schemas);
  requireStopReasons('toolUses', stopReasons);
  return (source) =>
    defer(() => {
      const tracker = new CallTracker<E>({ stopReasons });
      const failures: { call: TrackedCall<E>; error: MessageStreamError }[] = [];
      const fail = (call: TrackedCall<E>, error: MessageStreamError) => {
        failures.push({ call, error });
        return EMPTY;
      };
      const checked = (step: CallStep<E>): ObservableInput<ToolUseOf<E>> => {
        if (step.type === 'failed') throw step.error;
        const { call } = step;
        if (step.type !== 'complete')
          return fail(call, (step as { error: MessageStreamError }).error);
        const { block } = call;
        if (schemas === undefined) return [block];
        return defer(() => checkedInput(block, schemas, tracker.message)).pipe(
          map((input) => ({ ...block, input })),
          // The call may have been withdrawn during the validation.
          filter(() => call.state !== 'withdrawn'),
          catchError((error: unknown) => {
            if (!(error instanceof InvalidJsonError)) throw error;
            return fail(call, error);
          }),
        );
      };
      const end = defer(() => {
        const failure = failures.find(({ call }) => call.state !== 'withdrawn');
        return failure ? throwError(() => failure.error) : EMPTY;
      });
      return concat(
        source.pipe(map((event) => tracker.push(event))),
        defer(() => of(tracker.end())),
      ).pipe(
        filter((steps) => steps.length > 0),
        concatMap((steps) => steps),
        filter(({ type }) => ENDS.has(type)),
        concatMap(checked),
        concatWith(end),
      );
    });
}

/** The steps after which a call is ready, or invalid. */
const ENDS: ReadonlySet<CallStep['type']> = new Set([
  'complete',
  'invalid',
  'unexpected',
  'failed',
]);

function requireSchemas(schemas: ToolSchemas): void {
  if (typeof schemas !== 'object' || schemas === null || isSchema(schemas)) {
    throw new TypeError(
      'toolUses: pass the schemas by the names of their tools: { get_weather: ... }',
    );
  }
  for (const schema of Object.values(schemas)) requireSchema('toolUses', schema);
}

function checkedInput<E extends AnyStreamEvent>(
  call: ToolUseOf<E>,
  schemas: ToolSchemas,
  partial: object | undefined,
): [unknown] | PromiseLike<unknown> {
  const { input } = call;
  const fail = (problem: string, issues: readonly StandardIssue[]) =>
    invalidToolInput(call, problem, { text: JSON.stringify(input), value: input, issues, partial });
  const schema = Object.hasOwn(schemas, call.name) ? schemas[call.name] : undefined;
  if (schema === undefined) {
    const message = 'there is no schema for this tool';
    throw fail(`cannot be checked: ${message}`, [{ message }]);
  }
  return checkWithSchema(schema, input, (issues) =>
    fail(`does not match the schema: ${describeIssues(issues)}`, issues),
  );
}
