/** Whether two lists have the same values. */
export function isSameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** Whether each field of `fields` has the same value in `object`. */
export function hasFields<T extends object>(object: T, fields: Partial<T>): boolean {
  return (Object.keys(fields) as (keyof T)[]).every((name) => object[name] === fields[name]);
}
