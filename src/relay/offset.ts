/**
 * The place in a reply that came with an event. It names the log as well, so that one of another
 * reply is told.
 */
export function offsetOf(tag: string, number: number): string {
  return `${tag}.${number.toString(36)}`;
}

/** The number of the entry at this offset; `undefined` where the log has no such offset. */
export function numberOf(tag: string, last: number, offset: string): number | undefined {
  if (!offset.startsWith(`${tag}.`)) return undefined;
  const number = Number.parseInt(offset.slice(tag.length + 1), 36);
  // Also refuses what can be read as a number but is not how one is written.
  return number >= 1 && number <= last && offsetOf(tag, number) === offset ? number : undefined;
}

/** The offsets of errors that are the ending of a reply: by them they are told from those of a relay. */
const offsets = new WeakMap<object, string>();

export function markEnding(error: object, offset: string): void {
  offsets.set(error, offset);
}

/** The offset of the ending that this error is; `undefined` for one that is not in the log. */
export function endingOffset(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null ? offsets.get(error) : undefined;
}

/**
 * The type of the last frame of a reply that completed: by it a reader tells that from a connection
 * that was lost, also where the reply is no single message.
 */
export const RELAY_END = 'relay_end';
