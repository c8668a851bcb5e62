import { jsonSchemaOf } from './jsonSchemaOf.ts';
import { requireSchema, type StandardSchema } from './StandardSchema.ts';
import { strictJsonSchema } from './strictJsonSchema.ts';

/** The part of a request that asks for JSON of a schema. */
export interface StructuredOutput {
  output_config: { format: { type: 'json_schema'; schema: { [key: string]: unknown } } };
}

/**
 * The part of a request that makes the reply JSON of `schema`: spread it into the parameters, and
 * read the reply with `jsonOutput(schema)`.
 *
 * What the API's structured outputs cannot enforce (lengths, ranges, patterns) is told to the model
 * in the description, as the SDK does (src/lib/transform-json-schema.ts); `jsonOutput` checks it.
 * Unlike the SDK's `zodOutputFormat`, it gives the JSON Schema of the schema's input, since the
 * model writes what comes before defaults and transforms, and it refuses records and tuples,
 * which the API does not write.
 *
 * To set another part of `output_config` too, spread that one:
 * `output_config: { effort: 'low', ...structuredOutput(Recipe).output_config }`.
 *
 * @throws TypeError when the schema cannot give its JSON Schema, which zod 4.2 and later can, by the
 * Standard JSON Schema interface (https://standardschema.dev/json-schema); and when it has a part
 * that JSON or the API cannot express: a date, a record, a tuple, a value of any type.
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
