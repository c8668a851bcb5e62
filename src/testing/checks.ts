export interface NumberCheck {
  /** What the number counts, for the message. */
  what: string;
  whole?: boolean;
  least?: number;
  most?: number;
}

/** Throws a TypeError unless `value` is absent or a finite number in the range. */
export function checkNumber(
  name: string,
  value: unknown,
  { what, whole = false, least = 0, most = Number.MAX_SAFE_INTEGER }: NumberCheck,
): void {
  if (value === undefined) return;
  const fits = typeof value === 'number' && value >= least && value <= most;
  if (fits && (!whole || Number.isInteger(value))) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `${least} to ${most}`;
  const number = whole ? 'a whole number' : 'a number';
  throw new TypeError(`${name}: ${what}, so ${number}, ${range}; got ${String(value)}`);
}

/** Throws a TypeError for a field that has no meaning: most often a slip of the pen. */
export function checkFields(name: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown === undefined) return;
  throw new TypeError(`${name}: unknown field '${unknown}'; there are ${known.join(', ')}`);
}
