/** The maximum depth that is shown of a value. */
const DEEPEST = 6;

/**
 * A value in JavaScript notation, cut off after about `room` characters. The cost is bounded by `room`
 * too, whatever the size of the value.
 */
export function preview(value: unknown, room: number): string {
  const text = write(value, room, 0);
  return text.replace(/^\{(.+)\}$/s, '{ $1 }');
}

function write(value: unknown, room: number, depth: number): string {
  if (typeof value === 'string') return quoted(value, room);
  if (typeof value === 'function') return 'function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (room <= 0 || depth >= DEEPEST) return '…';
  if (value instanceof Date) return quoted(String(value), room);
  const isArray = Array.isArray(value);
  const parts: string[] = [];
  let left = room;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    const item: unknown = (value as Record<string, unknown>)[key];
    if (item === undefined || typeof item === 'function') continue;
    if (left <= 0) {
      parts.push('…');
      break;
    }
    const name = isArray ? '' : `${/^\w+$/.test(key) ? key : quoted(key, left)}: `;
    const part = name + write(item, left - name.length, depth + 1);
    left -= part.length + 2;
    parts.push(part);
  }
  return isArray ? `[${parts.join(', ')}]` : `{${parts.join(', ')}}`;
}

function quoted(text: string, room: number): string {
  const cut = text.length > room ? `${text.slice(0, Math.max(0, room))}…` : text;
  return `'${JSON.stringify(cut).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
