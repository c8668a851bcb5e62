import type { JsonSchema } from './jsonSchemaOf.ts';

/** The string formats that the API supports: SDK src/lib/transform-json-schema.ts. */
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
 * Converts a schema to the form that the API enforces. Keywords that the API cannot enforce are moved to the
 * description, for the model.
 *
 * @throws TypeError that names the caller, for a part that the API does not support.
 */
export function strictJsonSchema(caller: string, schema: JsonSchema): JsonSchema {
  try {
    return strict(schema, '');
  } catch (cause) {
    throw new TypeError(`${caller}: ${(cause as Error).message}`, { cause });
  }
}

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

/** The supported keywords of a schema with one type; they are removed from `rest`. */
function typed(type: unknown, rest: JsonSchema, at: string): JsonSchema {
  switch (type) {
    case undefined:
      throw refusal(at, 'has no type, which the API requires: not z.any(), z.unknown(), z.never()');
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
  // With `additionalProperties: false`, which the API requires, a record could only be `{}`.
  if (additionalProperties && Object.keys(properties as object).length === 0) {
    throw refusal(
      at,
      'is a record, which the API does not support: use an array of { key, value }',
    );
  }
  const strictProperties = eachStrict(properties, (key) => (at === '' ? key : `${at}.${key}`));
  return { ...required, properties: strictProperties, additionalProperties: false };
}

function arrayParts(rest: JsonSchema, at: string): JsonSchema {
  if (rest['prefixItems'] !== undefined) {
    throw refusal(at, 'is a tuple, which the API does not support: use an object');
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
  return new TypeError(`${at === '' ? 'the schema' : at} ${problem}`);
}

/** Removes the keywords from `rest` whose value passes its test; moves the others to the end of `rest`. */
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
