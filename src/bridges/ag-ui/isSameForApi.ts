import type { Fields } from '../../message/record.ts';

/** Whether two values are equal for the API, where a field that is null counts as absent. */
export function isSameForApi(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return one === other;
  }
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => {
    const [field, same] = [one, other].map((value) => (value as Fields)[name]);
    return (field ?? same) == null || isSameForApi(field ?? null, same ?? null);
  });
}
