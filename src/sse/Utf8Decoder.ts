// Keeps no state: it is never told that more is to come. A mark in the middle is a character.
const whole: TextDecoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Decodes UTF-8 that is cut anywhere, to what `TextDecoder` gives for all of it.
 *
 * Node decodes bytes that are whole by themselves eight times as fast as it continues a stream: so
 * that is what is done with a chunk that neither begins nor ends inside a character.
 */
export class Utf8Decoder {
  #stream: TextDecoder | undefined;
  #isFirst = true;
  /** Whether the bytes so far end between two characters. */
  #isBetween = true;

  decode(chunk: Uint8Array): string {
    if (chunk.length === 0) return '';
    const isFirst = this.#isFirst;
    const wasBetween = this.#isBetween;
    this.#isFirst = false;
    this.#isBetween = chunk[chunk.length - 1]! < 0x80;
    const mayHaveMark = isFirst && chunk[0] === 0xef;
    if (wasBetween && this.#isBetween && !mayHaveMark) return whole.decode(chunk);
    this.#stream ??= new TextDecoder('utf-8', { ignoreBOM: !isFirst });
    return this.#stream.decode(chunk, { stream: true });
  }

  /** What stands for a character whose end has not come. */
  end(): string {
    return this.#stream?.decode() ?? '';
  }
}
