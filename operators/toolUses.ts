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

/** Schemas of the inputs of tools, by the tools' names. */
export type ToolSchemas = Readonly<Record<string, StandardSchema>>;

/** A call of one of the tools in `Schemas`, its input as that tool's schema gives it. */
export type CheckedToolUse<E extends AnyStreamEvent, Schemas extends ToolSchemas> = {
  [Name in keyof Schemas & string]: Omit<ToolUseOf<E>, 'name' | 'input'> & {
    name: Name;
    input: OutputOf<Schemas[Name]>;
  };
}[keyof Schemas & string];

export interface ToolUsesConfig {
  /**
   * Stop reasons after which calls may run, besides `tool_use`: for a gateway that says `end_turn` where
   * it waits for tools. `null` stands for a reply without one. Default: none.
   */
  stopReasons?: readonly AnsweredStopReason[] | undefined;
}

/**
 * Emits the calls of your tools that are complete and whose input is strict JSON: those that may run.
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
 * A call is proven complete when another block starts after its `content_block_stop`, or by the stop
 * reason `tool_use`. Its `content_block_stop` alone is no proof, because a reply that is cut off ends its
 * last block too, and what is left may parse: `{"path": "/"}` (SDK
 * src/lib/internal/BetaToolRunnerStream.ts). So a last call under the stop reasons `max_tokens`,
 * `refusal`, `model_context_window_exceeded`, `pause_turn` and `compaction` is not emitted, nor one that a
 * `fallback` block follows. Calls of tools that run at Anthropic (`server_tool_use`, `mcp_tool_use`) are
 * not emitted: they are not yours to run.
 *
 * With `schemas`, one for each of your tools by its name, the input of a call is checked, and is
 * emitted and typed as the schema gives it. A call that its schema refuses, or of a tool that has
 * none, may not run: it is treated as one that is no valid JSON. A schema may check asynchronously;
 * the order is kept. What it throws is passed on.
 *
 * - A call whose input is not valid JSON of an object, which fine-grained tool streaming permits
 *   (docs: /docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming), or may lack a part, or
 *   goes on after it was emitted: the valid calls are emitted all the same, and when the source
 *   completes there is an `InvalidJsonError` that names it.
 * - A last call under any other stop reason (`end_turn`, `stop_sequence`, a new one, none): when the
 *   source completes, a `MessageStreamError` with code `protocol` that names the stop reason. For a
 *   gateway that stops like this where it waits for tools, there is the option `stopReasons`.
 * - The input of a call that has not started: at once a `MessageStreamError` with code `protocol`.
 * - A `resume` withdraws calls that were not emitted yet. One that was emitted was complete, and
 *   stays emitted.
 * - Error, complete: passed on; a call that is not proven by then is not emitted.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @throws TypeError when `schemas` is not an object of Standard Schemas, or `stopReasons` has a stop reason
 * under which a call may be cut.
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
          // While it was being checked, it may have been taken back.
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

/** The steps with which a call is ready, or an error. */
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
    fail(`is not what the schema wants: ${describeIssues(issues)}`, issues),
  );
}
