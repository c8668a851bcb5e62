/** Characters of what a process said that are kept for an error. */
export const KEPT = 4_096;

/** The end of a text of any length. */
export class LastOutput {
  #text = '';

  get text(): string {
    return this.#text.slice(-KEPT).trim();
  }

  push(text: string): void {
    this.#text += text.slice(-KEPT);
    // Not each time, so that many small pieces cost no more than one large one.
    if (this.#text.length > 2 * KEPT) this.#text = this.#text.slice(-KEPT);
  }
}
