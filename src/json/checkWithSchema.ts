import type { OutputOf, StandardIssue, StandardResult, StandardSchema } from './StandardSchema.ts';

/**
 * Checks a value with a schema, and returns the output for use in a pipe: in an array, or as a promise if the
 * schema checks asynchronously. If the schema refuses the value, it throws (or rejects with) `fail(issues)`.
 */
export function checkWithSchema<Schema extends StandardSchema>(
  schema: Schema,
  value: unknown,
  fail: (issues: readonly StandardIssue[]) => Error,
): [OutputOf<Schema>] | PromiseLike<OutputOf<Schema>> {
  const settle = (result: StandardResult<unknown>): OutputOf<Schema> => {
    if (result.issues) throw fail(result.issues);
    return result.value as OutputOf<Schema>;
  };
  const result = validate(schema, value);
  // Not `instanceof Promise`: under Jest, promises can come from another realm.
  return 'then' in result ? result.then(settle) : [settle(result)];
}

/** The used part of a zod 4 schema. */
interface ZodSchema extends StandardSchema {
  _zod: {
    version: { major: number };
    run(payload: Payload, context: { async: true }): Payload | Promise<Payload>;
  };
  safeParseAsync(value: unknown): Promise<{
    data?: unknown;
    error?: { issues: readonly StandardIssue[] } | undefined;
  }>;
}

interface Payload {
  value: unknown;
  issues: readonly unknown[];
}

/**
 * The result of the schema for the value; a promise only if the schema checks asynchronously.
 *
 * The Standard Schema interface of zod 4 tries a synchronous check first. An asynchronous refinement then
 * runs twice, and if it rejects, the rejection of the first run is unhandled and ends a Node process
 * (https://github.com/colinhacks/zod/issues/6610). So zod's `run` is called once, and the value is parsed
 * again only for the messages of the issues.
 */
function validate(
  schema: StandardSchema,
  value: unknown,
): StandardResult<unknown> | PromiseLike<StandardResult<unknown>> {
  if (!isZod4(schema)) return schema['~standard'].validate(value);
  const result = schema._zod.run({ value, issues: [] }, { async: true });
  if (!('then' in result)) {
    return result.issues.length > 0 ? schema['~standard'].validate(value) : { value: result.value };
  }
  return result.then(async (payload) => {
    if (payload.issues.length === 0) return { value: payload.value };
    const { data, error } = await schema.safeParseAsync(value);
    return error ?? { value: data };
  });
}

function isZod4(schema: StandardSchema): schema is ZodSchema {
  const { _zod, safeParseAsync } = schema as Partial<ZodSchema>;
  return (
    _zod?.version?.major === 4 &&
    typeof _zod.run === 'function' &&
    typeof safeParseAsync === 'function'
  );
}
