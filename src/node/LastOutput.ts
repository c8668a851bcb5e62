/** How many characters of the output are kept for an error. */
export const KEPT = 4_096;

/** Keeps the end of a text of any length. */
export class LastOutput {
  #text = '';

  get text(): string {
    return this.#text.slice(-KEPT).trim();
  }

  push(text: string): void {
    this.#text += text.slice(-KEPT);
    // Not at each call, so that many small pieces cost no more than one large piece.
    if (this.#text.length > 2 * KEPT) this.#text = this.#text.slice(-KEPT);
  }
}
