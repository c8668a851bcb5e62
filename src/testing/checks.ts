/** Throws a TypeError for a field that has no meaning: most often a slip of the pen. */
export function checkFields(name: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown === undefined) return;
  throw new TypeError(`${name}: unknown field '${unknown}'; there are ${known.join(', ')}`);
}
