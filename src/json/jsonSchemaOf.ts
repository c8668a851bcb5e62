import type { StandardSchema } from './StandardSchema.ts';

export type JsonSchema = Record<string, unknown>;

interface JsonSchemaOptions {
  target: string;
  libraryOptions?: Record<string, unknown>;
}

/**
 * The JSON Schema of a schema's input (the model writes the value before defaults and transforms), by the
 * Standard JSON Schema interface (https://standardschema.dev/json-schema).
 *
 * @throws TypeError that names the caller, when the schema has no JSON Schema.
 */
export function jsonSchemaOf(caller: string, schema: StandardSchema): JsonSchema {
  const { jsonSchema, vendor } = schema['~standard'] as StandardSchema['~standard'] & {
    jsonSchema?: { input(options: JsonSchemaOptions): JsonSchema };
  };
  if (typeof jsonSchema?.input !== 'function') {
    throw new TypeError(
      `${caller}: this schema of ${vendor} has no JSON Schema; ` +
        'use a schema of zod 4.2 or later (not of zod/mini)',
    );
  }
  const options = {
    target: 'draft-2020-12',
    // A part that occurs more than once is sent once.
    ...(vendor === 'zod' && { libraryOptions: { reused: 'ref' } }),
  };
  try {
    return jsonSchema.input(options);
  } catch (cause) {
    throw new TypeError(`${caller}: ${(cause as Error).message}`, { cause });
  }
}
