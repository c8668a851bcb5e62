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

/** What is wrong with a value, and where. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** What a schema takes: before defaults and transforms. */
export type InputOf<Schema extends StandardSchema> = NonNullable<
  Schema['~standard']['types']
>['input'];

/** What a schema gives: after defaults and transforms. */
export type OutputOf<Schema extends StandardSchema> = NonNullable<
  Schema['~standard']['types']
>['output'];

/** Also functions: those of ArkType are. */
export function isSchema(value: unknown): value is StandardSchema {
  const standard = (value as Partial<StandardSchema> | null | undefined)?.['~standard'];
  return typeof standard?.validate === 'function';
}

/** Throws a TypeError that names the caller where `schema` is no schema. */
export function requireSchema(caller: string, schema: unknown): void {
  if (isSchema(schema)) return;
  throw new TypeError(`${caller}: pass a Standard Schema, such as one of zod 4: z.object({ ... })`);
}

/** The issue without what a library adds to it, such as the value, or the whole of its state. */
export function plainIssue({ message, path = [] }: StandardIssue): {
  message: string;
  path: PropertyKey[];
} {
  return { message, path: path.map((part) => (typeof part === 'object' ? part.key : part)) };
}

/** How many issues a message lists. */
const LISTED = 5;

/** Where each issue is, and what; the first ones, where there are many. */
export function describeIssues(issues: readonly StandardIssue[]): string {
  const lines = issues.slice(0, LISTED).map((issue) => {
    const { message, path } = plainIssue(issue);
    return path.length > 0 ? `${path.map(String).join('.')}: ${message}` : message;
  });
  if (issues.length > LISTED) lines.push(`and ${issues.length - LISTED} more`);
  return lines.join('; ');
}
