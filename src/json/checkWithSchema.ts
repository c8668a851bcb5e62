import type { OutputOf, StandardIssue, StandardResult, StandardSchema } from './StandardSchema.ts';
import { validate } from './validate.ts';

/**
 * The value as the schema gives it, for a pipe to take: in an array, or as a promise where the
 * schema checks asynchronously. Where the schema refuses the value, it throws (or rejects with)
 * what `fail` makes of the issues.
 */
export function check<Schema extends StandardSchema>(
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
