/**
 * The same without half characters, which make of a request's body what is no valid JSON for the API
 * (400). What has none stays the same object.
 */
export function wellFormed<T>(value: T): T {
  if (typeof value === 'string') {
    return (HALF.test(value) ? value.replaceAll(HALVES, '\ufffd') : value) as T;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, field]) => [key, wellFormed(field)] as const);
  if (entries.every(([key, field]) => field === (value as Record<string, unknown>)[key])) {
    return value;
  }
  return (
    Array.isArray(value) ? entries.map(([, field]) => field) : Object.fromEntries(entries)
  ) as T;
}

// With the flag `u` they match only where they are alone.
const HALF = /\p{Surrogate}/u;
const HALVES = /\p{Surrogate}/gu;
