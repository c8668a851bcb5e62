import type { Tool as ToolParam } from '@anthropic-ai/sdk/resources/messages/messages';
import type { Observable } from 'rxjs';
import { jsonSchemaOf } from '../json/jsonSchemaOf.ts';
import {
  type InputOf,
  type OutputOf,
  requireSchema,
  type StandardSchema,
} from '../json/StandardSchema.ts';
import { strictJsonSchema } from '../json/strictJsonSchema.ts';
import type { DefinedTool, ToolContext } from './Tool.ts';
import type { ResumedSubagent } from './ToolAnswer.ts';
import { requireFunction, requireNumbers } from '../flow/require.ts';

/** What of the API's own fields of a tool may be given: `strict`, `cache_control` and the like. */
export type ToolFields = Omit<ToolParam, 'name' | 'description' | 'input_schema' | 'type'>;

export interface ToolConfig<Schema extends StandardSchema> extends ToolFields {
  /** By which the model calls it: letters, digits, `_` and `-`, at most 128. */
  name: string;
  /** What it does, when to use it, what it gives: the model has nothing else to go by. */
  description: string;
  /** Of an object. The model is given its JSON Schema, and `run` what it makes of the input. */
  input: Schema;
  /** For a schema that cannot give its JSON Schema. Default: that of `input`. */
  inputSchema?: ToolParam.InputSchema | undefined;
  /**
   * Does the work: gives a value, a promise, or an Observable whose values are progress and whose
   * last is the result. Without it, the client runs the tool: each call waits for an answer, see the
   * option `answers` of `runTools`.
   */
  run?: ((input: OutputOf<Schema>, context: ToolContext<InputOf<Schema>>) => unknown) | undefined;
  /**
   * Goes on with a subagent that `run` has begun and that waits for answers to its own calls: gives the
   * loop again, with `[...messages, ...resumed.appended]` as its messages and `resumed.answers` as its
   * option `answers`. Without it, the call of a subagent that is interrupted has failed.
   */
  resume?:
    | ((
        input: OutputOf<Schema>,
        resumed: ResumedSubagent,
        context: ToolContext<InputOf<Schema>>,
      ) => unknown)
    | undefined;
  /**
   * Shows something while the model still writes the input, by `context.partial$`: what it emits is
   * progress. It must not act: the call may be cut, or taken back.
   */
  preview?: ((context: ToolContext<InputOf<Schema>>) => Observable<unknown>) | undefined;
  /**
   * How long the check of the input and `run` may take together, in milliseconds. Default: what
   * `runTools` says.
   */
  timeout?: number | undefined;
  /** `false` for a tool that must not run before the reply is whole. Default: what `runTools` says. */
  eager?: boolean | undefined;
}

/**
 * Defines a tool that `runTools` runs when the model calls it.
 *
 * ```text
 * run     --p--q--(r|)     p, q: progress, r: the result
 * events  s-P--Q--R        s: tool_start, P, Q: tool_progress, R: tool_result
 * ```
 *
 * - The model is given the JSON Schema of what `input` takes; with `strict: true` in the form that
 *   the API keeps to. `run` gets what `input` gives, after defaults and transforms. An input that it
 *   refuses never reaches `run`: the model is told what is wrong and where.
 * - The result is text, content blocks (text, image, document and the like), or any other value,
 *   which is sent as JSON; `undefined` is no content. A value of an Observable is progress, unless
 *   the Observable completes in the same turn of the event loop: then it is the result. One that
 *   completes later has been shown, and is the result as well.
 * - A `run` that gives a loop of `runTools`, or the events of a reply, is a subagent: its events are progress,
 *   and its last text is the result. With `resume`, its deferred calls wait for answers like those of the loop.
 * - Error: what `run` throws, rejects or errors with is told to the model as its message. To tell
 *   blocks, throw the SDK's `ToolError`.
 * - Unsubscribe: `context.signal` aborts, and an Observable is unsubscribed. So they are at a timeout
 *   and when the reply takes the call back. A promise is not waited for.
 *
 * A tool without `run` is run by the client, such as a page in a browser: see the option `answers` of
 * `runTools`.
 *
 * Of the API's own fields `strict`, `cache_control`, `eager_input_streaming` and all others can be
 * given. The result is plain data: `tool.definition` is what a request has in its `tools`.
 *
 * @throws TypeError when the API does not take the name, `description` or `input` is missing, the schema gives no JSON Schema (which zod 4.2 and later does), or one that is not of an object; and for `resume` without `run`.
 *
 * @example
 * ```ts
 * import { defineTool } from 'claude-rx/tools';
 * import { concat, map, of, take, timer } from 'rxjs';
 * import { z } from 'zod';
 *
 * const search = defineTool({
 *   name: 'search',
 *   description: 'Searches the archive. Gives the titles of what it finds.',
 *   input: z.object({ words: z.array(z.string()).min(1), limit: z.number().default(10) }),
 *   run({ words, limit }, { signal }) {
 *     const shelves = timer(0, 100).pipe(take(3), map((shelf) => ({ shelf })));
 *     const found = { titles: words.slice(0, limit), complete: !signal.aborted };
 *     return concat(shelves, of(found));
 *   },
 * });
 * console.log(search.definition.input_schema);
 * ```
 */
export function defineTool<Schema extends StandardSchema>(
  config: ToolConfig<Schema>,
): DefinedTool<Schema> {
  const { name, description, input, inputSchema, timeout, eager, ...others } = config;
  const { run, resume, preview, ...fields } = others;
  if (typeof name !== 'string' || !/^[\w-]{1,128}$/.test(name)) {
    throw new TypeError(
      `defineTool: a name is 1 to 128 letters, digits, _ and -, not ${JSON.stringify(name)}`,
    );
  }
  const caller = `defineTool('${name}')`;
  requireSchema(caller, input);
  requireFields(caller, config);
  const schema = inputSchema ?? jsonSchemaOf(caller, input);
  if (schema['type'] !== 'object') {
    throw new TypeError(`${caller}: the input must be an object, such as z.object({ ... })`);
  }
  const { $schema: _, ...input_schema } = fields.strict ? strictJsonSchema(caller, schema) : schema;
  return {
    name,
    definition: {
      ...fields,
      name,
      description,
      input_schema: input_schema as ToolParam.InputSchema,
    },
    input,
    ...(run && { run }),
    ...(resume && { resume }),
    ...(preview && { preview }),
    ...(timeout !== undefined && { timeout }),
    ...(eager !== undefined && { eager }),
  };
}

function requireFields(
  caller: string,
  {
    description,
    run,
    resume,
    preview,
    timeout = 1,
  }: { [Field in keyof ToolConfig<never>]?: unknown },
): void {
  if (typeof description !== 'string') {
    throw new TypeError(`${caller}: \`description\` says what it does, the model has nothing else`);
  }
  for (const [name, given] of Object.entries({ run, resume, preview })) {
    if (given !== undefined) requireFunction(caller, name, given);
  }
  if (resume !== undefined && run === undefined) {
    throw new TypeError(
      `${caller}: \`resume\` goes on with what \`run\` has begun: give \`run\` too`,
    );
  }
  requireNumbers(caller, { timeout }, { above: 0, what: 'milliseconds' });
}
