/** The deepest value that is sent: `JSON.stringify` overflows the stack at some thousand levels. */
export const MAX_DEPTH = 500;

/**
 * The same value with each half of a surrogate pair replaced: with one in it, the body of a request
 * is not valid JSON for the API (400). A value without any stays the same object; one that is nested
 * deeper than `depth` levels gives `undefined`.
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
  // A spread keeps what is under symbols.
  const copy = { ...fields, ...changes };
  for (const key of renamed ?? []) delete copy[key];
  return copy as T;
}

interface WellFormedString {
  isWellFormed?(): boolean;
}

/** The text with each half of a surrogate pair replaced. */
export function wellFormedText(text: string): string {
  // Where an engine has it: it does not read a string of one-byte characters at all.
  if ((text as WellFormedString).isWellFormed?.()) return text;
  return HALF.test(text) ? text.replaceAll(HALVES, '\ufffd') : text;
}

// With the flag `u` they match only where they are alone.
const HALF = /\p{Surrogate}/u;
const HALVES = /\p{Surrogate}/gu;
