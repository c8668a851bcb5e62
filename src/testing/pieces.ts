/** Cuts a text into pieces of `size` code points; a surrogate pair is never cut. */
export function* pieces(text: string, size: number): Generator<string, void, undefined> {
  let start = 0;
  while (start < text.length) {
    let end = start;
    for (let count = 0; count < size && end < text.length; count++) {
      end += text.codePointAt(end)! > 0xffff ? 2 : 1;
    }
    yield text.slice(start, end);
    start = end;
  }
}

/** The piece size for the option `chunk` of a builder. */
export function checkedChunk(method: string, chunk = 4): number {
  if (chunk !== Infinity && (!Number.isInteger(chunk) || chunk < 1)) {
    throw new TypeError(
      `messageEvents.${method}: chunk counts code points, so it must be a whole number of at ` +
        `least 1, or Infinity; got ${String(chunk)}`,
    );
  }
  return chunk;
}
