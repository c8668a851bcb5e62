const CONTENT = /[^\s\p{Cc}]/u;
/** Half a surrogate pair, or U+FFFD in its place, is the rest of a character that was cut. */
const UNSENT_END = /[\s\p{Cc}\ud800-\udbff\ufffd]/u;

/** Whether a text is blank: only white space and control characters, which the API refuses. */
export function isBlank(text: unknown): boolean {
  return typeof text !== 'string' || !CONTENT.test(text);
}

/** Whether the block is a blank text. */
export function isBlankText(block: { type: string; text?: unknown }): boolean {
  return block.type === 'text' && isBlank(block.text);
}

/** Removes what a prefill must not end with: white space, control characters, half a character. */
export function trimmedEnd(text: string): string {
  let end = text.length;
  while (end > 0 && UNSENT_END.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}
