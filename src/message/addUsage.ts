import { isRecord } from './record.ts';

type Counters = Record<string, unknown>;

/**
 * The sum of two usages: numbers are added, also those inside, lists such as `iterations` are put
 * one after the other, and whatever else there is, is taken from the later one. A null says nothing.
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
