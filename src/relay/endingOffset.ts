/** The offsets of errors that are the ending of a reply: by them they are told from those of a relay. */
const offsets = new WeakMap<object, string>();

export function markEnding(error: object, offset: string): void {
  offsets.set(error, offset);
}

/** The offset of the ending that this error is; `undefined` for one that is not in the log. */
export function endingOffset(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null ? offsets.get(error) : undefined;
}
