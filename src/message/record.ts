/** Data from the network may be anything, so records are read field by field. */
export type Fields = Record<PropertyKey, unknown>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of a value; an empty object if it has none. */
export function fields(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

/** The value if it is a string; `''` for anything else. */
export function asString(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value if it is a non-empty string. */
export function text(value: unknown): string | undefined {
  return asString(value) || undefined;
}

/** The value under a key from outside; `undefined` for keys of every object, such as `constructor`. */
export function lookUp<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** The object in the JSON text `json`; `undefined` if it is not an object. */
export function parseRecord(json: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
