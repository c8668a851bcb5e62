import type { JsonPath } from './JsonValue.ts';

/**
 * The value at a path of a JSON value, or `undefined`. A step is an index of an array or a key of an object,
 * as in `IncrementalJsonParser`. Properties that are not JSON, such as `length`, are not found.
 */
export function branchAt(value: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>((at, step) => {
    if (typeof at !== 'object' || at === null) return undefined;
    const fits = typeof step === (Array.isArray(at) ? 'number' : 'string');
    return fits && Object.hasOwn(at, step)
      ? (at as Record<string | number, unknown>)[step]
      : undefined;
  }, value);
}

/** Throws a TypeError that names the caller if `path` is not a valid path. */
export function requirePath(caller: string, path: unknown): void {
  if (Array.isArray(path) && path.every(isStep)) return;
  throw new TypeError(
    `${caller}: pass the path as an array of keys and indices, such as ['steps', 0]`,
  );
}

function isStep(step: unknown): boolean {
  return typeof step === 'string' || typeof step === 'number';
}
