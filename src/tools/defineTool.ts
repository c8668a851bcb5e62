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

/** The API's own optional fields of a tool: `strict`, `cache_control` and the like. */
export type ToolFields = Omit<ToolParam, 'name' | 'description' | 'input_schema' | 'type'>;

export interface ToolConfig<Schema extends StandardSchema> extends ToolFields {
  /** The name by which the model calls the tool: 1 to 128 letters, digits, `_` and `-`. */
  name: string;
  /** Tells the model what the tool does, when to use it, and what it returns. */
  description: string;
  /** The schema of the input, an object. The model gets its JSON Schema, and `run` its output. */
  input: Schema;
  /** The JSON Schema for the model, if `input` cannot produce one. Default: the JSON Schema of `input`. */
  inputSchema?: ToolParam.InputSchema | undefined;
  /**
   * Runs the tool: returns a value, a promise, or an Observable whose last value is the result and whose
   * other values are progress. Without `run`, the client runs the tool: each call waits for an answer, see
   * the option `answers` of `runTools`.
   */
  run?: ((input: OutputOf<Schema>, context: ToolContext<InputOf<Schema>>) => unknown) | undefined;
  /**
   * Continues a subagent that `run` has started and that waited for answers to its own calls: returns the
   * loop again, with the messages `[...messages, ...resumed.appended]` and the option
   * `answers: resumed.answers`. Without `resume`, the call of an interrupted subagent fails.
   */
  resume?:
    | ((
        input: OutputOf<Schema>,
        resumed: ResumedSubagent,
        context: ToolContext<InputOf<Schema>>,
      ) => unknown)
    | undefined;
  /**
   * Reports progress while the model still writes the input (`context.partial$`): its values are emitted
   * as `tool_progress`. It must have no side effects: the call may be cut or withdrawn. Default: no preview.
   */
  preview?: ((context: ToolContext<InputOf<Schema>>) => Observable<unknown>) | undefined;
  /**
   * How long the check of the input and `run` may take together, in milliseconds. Default: the option
   * `timeout` of `runTools`.
   */
  timeout?: number | undefined;
  /**
   * Whether a call may run before the reply is complete: `false` for a tool that must not run twice.
   * Default: the option `eager` of `runTools`.
   */
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
 * - The model gets the JSON Schema of the input; with `strict: true` in the form that the API enforces.
 *   `run` gets the output of the schema, after defaults and transforms. Input that the schema refuses
 *   never reaches `run`: the model gets an error with the problem and its path.
 * - The result is text, content blocks (text, image, document and the like), or any other value,
 *   which is sent as JSON; `undefined` is no content. A value of an Observable is progress, unless
 *   the Observable completes in the same turn of the event loop: then it is the result. If the
 *   Observable completes later, its last value is emitted as progress and is the result too.
 * - A `run` that returns a loop of `runTools`, or the events of a reply, is a subagent: its events are
 *   progress, and its last text is the result. With `resume`, its deferred calls can be answered later.
 * - Error: if `run` throws, rejects or errors, the model gets the message of the error. To send content
 *   blocks instead, throw the SDK's `ToolError`.
 * - Unsubscribe: `context.signal` aborts, and an Observable is unsubscribed. The same happens at a
 *   timeout and when the reply withdraws the call. A promise is not awaited.
 *
 * A tool without `run` is run by the client, such as a page in a browser: see the option `answers` of
 * `runTools`.
 *
 * All of the API's own fields are allowed: `strict`, `cache_control`, `eager_input_streaming` and so on.
 * `tool.definition` is the entry for `tools` of a request.
 *
 * @throws TypeError when the API does not accept `name`, `description` or `input` is missing, the schema has no JSON Schema (zod 4.2 and later has), or its JSON Schema is not of an object; and for `resume` without `run`.
 *
 * @example
 * ```ts
 * import { defineTool } from 'claude-rx/tools';
 * import { concat, map, of, take, timer } from 'rxjs';
 * import { z } from 'zod';
 *
 * const search = defineTool({
 *   name: 'search',
 *   description: 'Searches the archive. Returns the titles that it finds.',
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
      `defineTool: \`name\` must be 1 to 128 letters, digits, _ and -, not ${JSON.stringify(name)}`,
    );
  }
  const caller = `defineTool('${name}')`;
  requireSchema(caller, input);
  requireFields(caller, config);
  const schema = inputSchema ?? jsonSchemaOf(caller, input);
  if (schema['type'] !== 'object') {
    throw new TypeError(`${caller}: \`input\` must be an object, such as z.object({ ... })`);
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
    throw new TypeError(
      `${caller}: \`description\` must be a text that tells the model what the tool does`,
    );
  }
  for (const [name, given] of Object.entries({ run, resume, preview })) {
    if (given !== undefined) requireFunction(caller, name, given);
  }
  if (resume !== undefined && run === undefined) {
    throw new TypeError(
      `${caller}: \`resume\` continues a subagent that \`run\` has started: give \`run\` too`,
    );
  }
  requireNumbers(caller, { timeout }, { above: 0, what: 'milliseconds' });
}
