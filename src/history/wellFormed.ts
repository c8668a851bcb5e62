/** The maximum depth of a value that is sent: `JSON.stringify` overflows the stack at some thousand levels. */
export const MAX_DEPTH = 500;

/**
 * Replaces each half of a surrogate pair in a value: with one, the body of a request is not valid JSON for
 * the API (400). A value without any stays the same object; for a value that is nested deeper than `depth`
 * levels, the result is `undefined`.
 */
export function wellFormed<T>(value: T, depth: number = MAX_DEPTH): T | undefined {
  if (typeof value === 'string') return wellFormedText(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return undefined;
  const fields = value as Record<string, unknown>;
  let changed: [key: string, field: unknown][] | undefined;
  let renamed: string[] | undefined;
  for (const key of Object.keys(value)) {
    const after = wellFormed(fields[key], depth - 1);
    if (after === undefined && fields[key] !== undefined) return undefined;
    const name = wellFormedText(key);
    if (after === fields[key] && name === key) continue;
    (changed ??= []).push([name, after]);
    if (name !== key) (renamed ??= []).push(key);
  }
  if (changed === undefined) return value;
  const changes = Object.fromEntries(changed);
  if (Array.isArray(value)) return Object.assign([...(value as unknown[])], changes) as T;
  // A spread also keeps properties under symbols.
  const copy = { ...fields, ...changes };
  for (const key of renamed ?? []) delete copy[key];
  return copy as T;
}

interface WellFormedString {
  isWellFormed?(): boolean;
}

/** The text with each half of a surrogate pair replaced. */
export function wellFormedText(text: string): string {
  // Used if the engine has it: it does not even read a string of one-byte characters.
  if ((text as WellFormedString).isWellFormed?.()) return text;
  return HALF.test(text) ? text.replaceAll(HALVES, '\ufffd') : text;
}

// With the flag `u` these match only lone surrogates.
const HALF = /\p{Surrogate}/u;
const HALVES = /\p{Surrogate}/gu;
