import { isRecord } from './record.ts';

type Counters = Record<string, unknown>;

/**
 * The sum of two usages: numbers are added, also nested ones, lists such as `iterations` are
 * concatenated, and other values are taken from the later usage. A null does not replace a value.
 */
export function addUsage(
  earlier: object | null | undefined,
  later: object | null | undefined,
): object {
  const sum: Counters = { ...earlier };
  for (const [name, value] of Object.entries(later ?? {})) {
    sum[name] = added(sum[name], value);
  }
  return sum;
}

function added(before: unknown, value: unknown): unknown {
  if (value == null) return before ?? value;
  if (typeof value === 'number') return typeof before === 'number' ? before + value : value;
  if (Array.isArray(value)) return Array.isArray(before) ? [...before, ...value] : value;
  return isRecord(value) ? addUsage(isRecord(before) ? before : {}, value) : value;
}
