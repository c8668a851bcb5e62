/**
 * A schema of any library that implements Standard Schema v1 (https://standardschema.dev): zod 4,
 * Valibot, ArkType and others.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) => StandardResult<Output> | PromiseLike<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** A problem of a value, and its path. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** The input type of a schema: before defaults and transforms. */
export type InputOf<Schema extends StandardSchema> = NonNullable<
  Schema['~standard']['types']
>['input'];

/** The output type of a schema: after defaults and transforms. */
export type OutputOf<Schema extends StandardSchema> = NonNullable<
  Schema['~standard']['types']
>['output'];

/** Whether a value is a Standard Schema. It may be a function, as in ArkType. */
export function isSchema(value: unknown): value is StandardSchema {
  const standard = (value as Partial<StandardSchema> | null | undefined)?.['~standard'];
  return typeof standard?.validate === 'function';
}

/** Throws a TypeError that names the caller if `schema` is not a Standard Schema. */
export function requireSchema(caller: string, schema: unknown): void {
  if (isSchema(schema)) return;
  throw new TypeError(`${caller}: pass a Standard Schema, such as one of zod 4: z.object({ ... })`);
}

/** The issue without the extra fields of a library, such as the value or its internal state. */
export function plainIssue({ message, path = [] }: StandardIssue): {
  message: string;
  path: PropertyKey[];
} {
  return { message, path: path.map((part) => (typeof part === 'object' ? part.key : part)) };
}

/** The maximum number of issues in a message. */
const LISTED = 5;

/** The path and message of each issue; only the first ones if there are many. */
export function describeIssues(issues: readonly StandardIssue[]): string {
  const lines = issues.slice(0, LISTED).map((issue) => {
    const { message, path } = plainIssue(issue);
    return path.length > 0 ? `${path.map(String).join('.')}: ${message}` : message;
  });
  if (issues.length > LISTED) lines.push(`and ${issues.length - LISTED} more`);
  return lines.join('; ');
}
