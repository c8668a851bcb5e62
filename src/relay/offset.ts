/** The offset of an entry. It includes the tag of the log, so an offset of another reply is detected. */
export function offsetOf(tag: string, number: number): string {
  return `${tag}.${number.toString(36)}`;
}

/** The number of the entry at this offset; `undefined` if the log has no such offset. */
export function numberOf(tag: string, last: number, offset: string): number | undefined {
  if (!offset.startsWith(`${tag}.`)) return undefined;
  const number = Number.parseInt(offset.slice(tag.length + 1), 36);
  // Also refuses other spellings of the same number.
  return number >= 1 && number <= last && offsetOf(tag, number) === offset ? number : undefined;
}

/** The offsets of errors that are the ending of a reply. Errors of the relay itself have none. */
const offsets = new WeakMap<object, string>();

export function markEnding(error: object, offset: string): void {
  offsets.set(error, offset);
}

/** The offset of an error that is the ending of a reply; `undefined` for other errors. */
export function endingOffset(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null ? offsets.get(error) : undefined;
}

/**
 * The type of the last frame of a complete reply. Without this frame, the connection was lost. It works
 * for replies of several messages too.
 */
export const RELAY_END = 'relay_end';
