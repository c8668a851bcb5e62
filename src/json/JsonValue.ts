/** Any JSON value. Read-only, because snapshots share their branches. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** The path from the root of a value to a branch: keys of objects (strings), indices of arrays (numbers). */
export type JsonPath = readonly (string | number)[];
