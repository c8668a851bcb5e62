/** Throws a TypeError for an unknown field, which is most often a typo. */
export function checkFields(name: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown === undefined) return;
  throw new TypeError(`${name}: unknown field '${unknown}'; expected one of ${known.join(', ')}`);
}
