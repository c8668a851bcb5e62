import { messageText } from '../message/messageText.ts';
import { Seam, type SeamConfig } from './Seam.ts';
import type { SplicedEvent } from './SplicedEvent.ts';

/**
 * Finds the text of an attempt that joins the emitted text, and its new part. It is the first text of the
 * attempt. Its block begins in the reply when it has new text.
 */
export class SeamJoin {
  #config: SeamConfig | undefined;
  #seam: Seam | undefined;
  /** The `index` of the text, after it has begun. */
  #text: { index: number } | undefined;
  #start: SplicedEvent | undefined;

  /** Another attempt begins; its text joins the text of the blocks `kept`. */
  expect(config: SeamConfig, kept: readonly { type: string }[]): void {
    this.#config = kept.length > 0 ? withAllText(config, kept) : undefined;
    this.restart();
  }

  /** The attempt starts again. */
  restart(): void {
    this.cancel();
    this.#seam = this.#config && new Seam(this.#config);
  }

  /** Stops joining. */
  cancel(): void {
    this.#seam = this.#text = this.#start = undefined;
  }

  /** Whether the first text of the attempt has not begun. */
  get awaitsText(): boolean {
    return this.#seam !== undefined && this.#text === undefined;
  }

  /** The text that is being joined, from its start to its end. */
  get text(): { index: number } | undefined {
    return this.#text;
  }

  /** The text begins; `takeStart` returns `start` when there is new text. */
  begin(index: number, start: SplicedEvent | undefined): void {
    this.#text = { index };
    this.#start = start;
  }

  /** Adds the next piece of the text; returns the text that is certainly new. */
  push(text: string): string {
    return this.#seam?.push(text) ?? text;
  }

  /** Returns the held back text, at the end of the text. */
  end(): string {
    return this.#seam?.end() ?? '';
  }

  /** The start of the block, if it has not begun in the reply. */
  takeStart(): SplicedEvent | undefined {
    const start = this.#start;
    this.#start = undefined;
    return start;
  }
}

/** A repeat may begin in a block before the last one, whose text may be short. */
function withAllText(seam: SeamConfig, kept: readonly { type: string }[]): SeamConfig {
  const text = messageText({ content: kept });
  const { sent, leftOut = '' } = seam;
  return text.endsWith(sent + leftOut)
    ? { ...seam, sent: text.slice(0, text.length - leftOut.length) }
    : seam;
}
