/**
 * Decodes UTF-8 that is cut anywhere, to what `TextDecoder` gives for all of it.
 *
 * Node decodes bytes that are whole by themselves eight times as fast as it continues a stream: so
 * that is what is done with a chunk that neither begins nor ends inside a character.
 */
export class Utf8Decoder {
  readonly #stream: TextDecoder = new TextDecoder();
  // A mark in the middle of a stream is a character like others.
  readonly #whole: TextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Whether the bytes so far end between two characters, and after the place of a mark. */
  #isBetween = false;

  decode(chunk: Uint8Array): string {
    if (chunk.length === 0) return '';
    const wasBetween = this.#isBetween;
    this.#isBetween = chunk[chunk.length - 1]! < 0x80;
    return wasBetween && this.#isBetween
      ? this.#whole.decode(chunk)
      : this.#stream.decode(chunk, { stream: true });
  }

  /** What stands for a character whose end has not come. */
  end(): string {
    return this.#stream.decode();
  }
}
