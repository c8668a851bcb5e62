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

/** What of the API's own fields of a tool may be given: `strict`, `cache_control` and the like. */
type ToolFields = Omit<ToolParam, 'name' | 'description' | 'input_schema' | 'type'>;

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
   * last is the result.
   */
  run: (input: OutputOf<Schema>, context: ToolContext<InputOf<Schema>>) => unknown;
  /**
   * Shows something while the model still writes the input, by `context.partial$`: what it emits is
   * progress. It must not act: the call may be cut, or taken back.
   */
  preview?: ((context: ToolContext<InputOf<Schema>>) => Observable<unknown>) | undefined;
  /** How long `run` may take, in milliseconds. Default: what `runTools` says. */
  timeout?: number | undefined;
  /** `false` for a tool that must not run before the reply is whole. Default: what `runTools` says. */
  eager?: boolean | undefined;
}

/**
 * Defines a tool that `runTools` runs when the model calls it.
 *
 * @throws TypeError when it has no name, schema or `run`, when the schema gives no JSON Schema, or
 * none of an object.
 */
export function defineTool<Schema extends StandardSchema>(
  config: ToolConfig<Schema>,
): DefinedTool<Schema> {
  const { name, description, input, inputSchema, run, preview, timeout, eager, ...fields } = config;
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
    run,
    ...(preview && { preview }),
    ...(timeout !== undefined && { timeout }),
    ...(eager !== undefined && { eager }),
  };
}

function requireFields(
  caller: string,
  { description, run, preview, timeout = 1 }: { [Field in keyof ToolConfig<never>]?: unknown },
): void {
  if (typeof description !== 'string') {
    throw new TypeError(`${caller}: \`description\` says what it does, the model has nothing else`);
  }
  for (const [name, given] of Object.entries({ run, preview: preview ?? run })) {
    if (typeof given === 'function') continue;
    throw new TypeError(`${caller}: \`${name}\` must be a function, not ${typeof given}`);
  }
  if (typeof timeout !== 'number' || !(timeout > 0)) {
    throw new TypeError(
      `${caller}: \`timeout\` must be milliseconds above 0, not ${String(timeout)}`,
    );
  }
}
