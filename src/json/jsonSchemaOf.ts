import type { StandardSchema } from './StandardSchema.ts';

export type JsonSchema = Record<string, unknown>;

interface JsonSchemaOptions {
  target: string;
  libraryOptions?: Record<string, unknown>;
}

/**
 * The JSON Schema of what the schema takes, since the model writes what comes before defaults and
 * transforms; by the Standard JSON Schema interface (https://standardschema.dev/json-schema).
 *
 * @throws TypeError that names the caller, when the schema cannot give it.
 */
export function jsonSchemaOf(caller: string, schema: StandardSchema): JsonSchema {
  const { jsonSchema, vendor } = schema['~standard'] as StandardSchema['~standard'] & {
    jsonSchema?: { input(options: JsonSchemaOptions): JsonSchema };
  };
  if (typeof jsonSchema?.input !== 'function') {
    throw new TypeError(
      `${caller}: this schema of ${vendor} gives no JSON Schema; ` +
        'those of zod 4.2 and later do (not of zod/mini)',
    );
  }
  const options = {
    target: 'draft-2020-12',
    // What occurs more than once is sent once.
    ...(vendor === 'zod' && { libraryOptions: { reused: 'ref' } }),
  };
  try {
    return jsonSchema.input(options);
  } catch (cause) {
    throw new TypeError(`${caller}: ${(cause as Error).message}`, { cause });
  }
}
