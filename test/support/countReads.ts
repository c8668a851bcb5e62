/** The object with a field that counts how often it is read. */
export function countReads<T extends object>(
  object: T,
  field: keyof T & string,
): { value: T; reads: () => number } {
  let count = 0;
  const content = object[field];
  const value = { ...object };
  Object.defineProperty(value, field, {
    enumerable: true,
    get: () => {
      count++;
      return content;
    },
  });
  return { value, reads: () => count };
}
