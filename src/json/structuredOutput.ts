import { jsonSchemaOf } from './jsonSchemaOf.ts';
import { requireSchema, type StandardSchema } from './StandardSchema.ts';
import { strictJsonSchema } from './strictJsonSchema.ts';

/** The part of a request that asks for JSON with a schema. */
export interface StructuredOutput {
  output_config: { format: { type: 'json_schema'; schema: { [key: string]: unknown } } };
}

/**
 * Returns the request parameters that make the reply JSON with this schema (structured outputs). Spread them
 * into the parameters, and read the reply with `jsonOutput(schema)`.
 *
 * Constraints that the API cannot enforce (lengths, ranges, patterns) are added to the description for the
 * model, as the SDK does (src/lib/transform-json-schema.ts); `jsonOutput` checks them. Two differences to
 * the SDK's `zodOutputFormat`: the JSON Schema is that of the schema's input, since the model writes the
 * value before defaults and transforms; and records and tuples, which the API does not support, are refused.
 *
 * To set another field of `output_config` too, spread `output_config` itself:
 * `output_config: { effort: 'low', ...structuredOutput(Recipe).output_config }`.
 *
 * @throws TypeError when the schema has no JSON Schema (zod 4.2 and later has) by the Standard JSON Schema
 * interface (https://standardschema.dev/json-schema); and when it has a part that JSON or the API cannot
 * express: a date, a record, a tuple, a value of any type.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, jsonOutput, structuredOutput } from 'claude-rx';
 * import { z } from 'zod';
 *
 * const Recipe = z.object({ title: z.string(), steps: z.array(z.string()) });
 * fromMessages(new Anthropic(), {
 *   model: 'claude-opus-5-5',
 *   max_tokens: 1024,
 *   messages: [{ role: 'user', content: 'A recipe for pancakes' }],
 *   ...structuredOutput(Recipe),
 * })
 *   .pipe(jsonOutput(Recipe))
 *   .subscribe(({ status, value }) => console.log(status, value?.title));
 * ```
 */
export function structuredOutput(schema: StandardSchema): StructuredOutput {
  requireSchema('structuredOutput', schema);
  const found = strictJsonSchema('structuredOutput', jsonSchemaOf('structuredOutput', schema));
  return { output_config: { format: { type: 'json_schema', schema: found } } };
}
