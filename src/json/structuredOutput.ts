import { requireSchema, type StandardSchema } from './StandardSchema.ts';

type JsonSchema = Record<string, unknown>;

/** The part of a request that asks for JSON of a schema. */
export interface StructuredOutput {
  output_config: { format: { type: 'json_schema'; schema: { [key: string]: unknown } } };
}

interface JsonSchemaOptions {
  target: string;
  libraryOptions?: Record<string, unknown>;
}

/** The formats of strings that the API knows: SDK src/lib/transform-json-schema.ts. */
const FORMATS = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
]);

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
  const { jsonSchema, vendor } = schema['~standard'] as StandardSchema['~standard'] & {
    jsonSchema?: { input(options: JsonSchemaOptions): JsonSchema };
  };
  if (typeof jsonSchema?.input !== 'function') {
    throw new TypeError(
      `structuredOutput: this schema of ${vendor} gives no JSON Schema; ` +
        'those of zod 4.2 and later do (not of zod/mini)',
    );
  }
  const options = {
    target: 'draft-2020-12',
    // What occurs more than once is sent once.
    ...(vendor === 'zod' && { libraryOptions: { reused: 'ref' } }),
  };
  let found: JsonSchema;
  try {
    found = jsonSchema.input(options);
  } catch (cause) {
    throw new TypeError(`structuredOutput: ${(cause as Error).message}`, { cause });
  }
  return { output_config: { format: { type: 'json_schema', schema: strict(found, '') } } };
}

/** The schema as the API takes it; what it does not take is put into the description. */
function strict(schema: JsonSchema, at: string): JsonSchema {
  const {
    $schema: _,
    $defs,
    $ref,
    type,
    anyOf,
    oneOf,
    allOf,
    description,
    title,
    ...rest
  } = schema;
  const defs = $defs === undefined ? {} : { $defs: eachStrict($defs, (name) => `$defs.${name}`) };
  if ($ref !== undefined) return { ...defs, $ref };

  const taken: JsonSchema = take(rest, { enum: isLiteralList, const: isLiteral });
  const union = anyOf ?? oneOf;
  if (union !== undefined) taken['anyOf'] = listStrict(union, at);
  else if (allOf !== undefined) taken['allOf'] = listStrict(allOf, at);
  else if (Object.keys(taken).length === 0) Object.assign(taken, typed(type, rest, at));

  const told = Object.entries(rest).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  const words = [description, told.length > 0 && `{${told.join(', ')}}`].filter(Boolean);
  return {
    ...defs,
    ...taken,
    ...(title !== undefined && { title }),
    ...(words.length > 0 && { description: words.join('\n\n') }),
  };
}

/** What the API takes of a schema of one type; it is taken out of `rest`. */
function typed(type: unknown, rest: JsonSchema, at: string): JsonSchema {
  switch (type) {
    case undefined:
      throw refusal(at, 'has no type, and the API wants one: not z.any(), z.unknown(), z.never()');
    case 'object':
      return { type, ...objectParts(rest, at) };
    case 'array':
      return { type, ...arrayParts(rest, at) };
    case 'string':
      return { type, ...take(rest, { format: (format) => FORMATS.has(String(format)) }) };
    default:
      return { type };
  }
}

function objectParts(rest: JsonSchema, at: string): JsonSchema {
  const {
    properties = {},
    additionalProperties,
    ...required
  } = take(rest, {
    properties: () => true,
    required: () => true,
    additionalProperties: () => true,
  });
  // With the `false` that the API asks for, it could only ever be `{}`.
  if (additionalProperties && Object.keys(properties as object).length === 0) {
    throw refusal(at, 'is a record, and the API writes none: use an array of { key, value }');
  }
  const strictProperties = eachStrict(properties, (key) => (at === '' ? key : `${at}.${key}`));
  return { ...required, properties: strictProperties, additionalProperties: false };
}

function arrayParts(rest: JsonSchema, at: string): JsonSchema {
  if (rest['prefixItems'] !== undefined) {
    throw refusal(at, 'is a tuple, and the API writes none: use an object');
  }
  const { items, ...minItems } = take(rest, {
    items: () => true,
    minItems: (count) => count === 0 || count === 1,
  });
  return {
    ...minItems,
    ...(items !== undefined && { items: strict(items as JsonSchema, `${at}[]`) }),
  };
}

function refusal(at: string, problem: string): TypeError {
  return new TypeError(`structuredOutput: ${at === '' ? 'the schema' : at} ${problem}`);
}

/** Takes those keywords out of `rest` whose value passes its test; the others go to its end. */
function take(rest: JsonSchema, tests: Record<string, (value: unknown) => boolean>): JsonSchema {
  const taken: JsonSchema = {};
  for (const [keyword, test] of Object.entries(tests)) {
    const value = rest[keyword];
    if (value === undefined) continue;
    delete rest[keyword];
    (test(value) ? taken : rest)[keyword] = value;
  }
  return taken;
}

function isLiteral(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}

function isLiteralList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isLiteral);
}

function listStrict(schemas: unknown, at: string): JsonSchema[] {
  return (schemas as JsonSchema[]).map((schema) => strict(schema, at));
}

function eachStrict(schemas: unknown, at: (name: string) => string): JsonSchema {
  const entries = Object.entries(schemas as Record<string, JsonSchema>);
  return Object.fromEntries(entries.map(([name, schema]) => [name, strict(schema, at(name))]));
}
