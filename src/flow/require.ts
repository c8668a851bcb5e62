/** The numbers that an option accepts. */
export interface NumberRange {
  /** The smallest number. */
  min?: number;
  /** The number must be larger than this. */
  above?: number;
  /** The largest number. If it is finite, `Infinity` is refused. */
  max?: number;
  whole?: boolean;
  /** The unit, such as `'milliseconds'`. Default: `'a number'`. */
  what?: string;
}

/**
 * Checks the options of `caller`: throws a TypeError for the first one that is not a number in the
 * range. Options that are `undefined` are not checked.
 */
export function requireNumbers(
  caller: string,
  options: Readonly<Record<string, unknown>>,
  {
    min = -Infinity,
    above = Number.NaN,
    max = Infinity,
    whole = false,
    what = whole ? 'a whole number' : 'a number',
  }: NumberRange,
): void {
  for (const [name, value] of Object.entries(options)) {
    // `Number.isInteger` refuses Infinity, but for an option it means "any number of times".
    const isWhole = !whole || Number.isInteger(value) || value === Infinity;
    const isNumber = typeof value === 'number' && value >= min && value <= max;
    if (value === undefined || (isNumber && isWhole && !(value <= above))) continue;
    const least =
      above > -Infinity ? ` above ${above}` : min > -Infinity ? `, at least ${min}` : '';
    const most =
      max === Number.MAX_VALUE ? ' and finite' : max < Infinity ? `, at most ${max}` : '';
    throw invalid(caller, name, what + least + most, value);
  }
}

/** Checks that the option `name` of `caller` is a function; `wanted` describes it for the error. */
export function requireFunction(
  caller: string,
  name: string,
  value: unknown,
  wanted = 'a function',
): void {
  if (typeof value !== 'function') throw invalid(caller, name, wanted, value);
}

/** Checks that the option `name` of `caller` is one of the `known` values. */
export function requireOneOf(
  caller: string,
  name: string,
  value: unknown,
  known: readonly unknown[],
): void {
  if (known.includes(value)) return;
  throw invalid(caller, name, known.map(shown).join(' or '), value);
}

/** The error for an argument: what is wrong, what was expected, what was given. */
export function invalid(caller: string, name: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`${caller}: \`${name}\` must be ${wanted}, not ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 100)}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}
