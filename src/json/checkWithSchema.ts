import type { OutputOf, StandardIssue, StandardResult, StandardSchema } from './StandardSchema.ts';

/**
 * The value as the schema gives it, for a pipe to take: in an array, or as a promise where the
 * schema checks asynchronously. Where the schema refuses the value, it throws (or rejects with)
 * what `fail` makes of the issues.
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
  // Not `instanceof Promise`: under Jest, promises can be of another realm.
  return 'then' in result ? result.then(settle) : [settle(result)];
}

/** What is used of a schema of zod 4. */
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
 * What the schema says of the value; a promise only where it checks asynchronously.
 *
 * The standard way into zod 4 tries to check synchronously first. An asynchronous refinement is then
 * run twice, and where it rejects, the first run's rejection is handled by nobody and ends a Node
 * process (https://github.com/colinhacks/zod/issues/6610). So zod is asked to do it once, and again
 * only for the words of its issues.
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
