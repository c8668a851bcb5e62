/**
 * The place in a reply that came with an event. It names the log as well, so that one of another
 * reply is told.
 */
export function offsetOf(tag: string, number: number): string {
  return `${tag}.${number.toString(36)}`;
}

/** The number of the entry at this offset; `undefined` where it is none of the log. */
export function numberOf(tag: string, last: number, offset: string): number | undefined {
  if (!offset.startsWith(`${tag}.`)) return undefined;
  const number = Number.parseInt(offset.slice(tag.length + 1), 36);
  // Also refuses what can be read as a number but is not how one is written.
  return number >= 1 && number <= last && offsetOf(tag, number) === offset ? number : undefined;
}
