/** What came over the wire may be anything: a record of it is read field by field. */
export type Fields = Record<PropertyKey, unknown>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of a value; none, where it has none. */
export function fields(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

/** The value if it is a text; `''` for anything else. */
export function asString(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value if it is a text that says something. */
export function text(value: unknown): string | undefined {
  return asString(value) || undefined;
}

/** The object that is written in `json` as JSON; `undefined` where none is. */
export function parseRecord(json: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
