import { messageText } from '../message/messageText.ts';
import { Seam, type SeamConfig } from './Seam.ts';
import type { SplicedEvent } from './SplicedEvent.ts';

/**
 * Finds the text of an attempt that joins what was shown, and what of it is new. It is the first text:
 * its block begins in the reply once there is new text in it.
 */
export class SeamJoin {
  #config: SeamConfig | undefined;
  #seam: Seam | undefined;
  /** The `index` of the text, once it has begun. */
  #text: { index: number } | undefined;
  #start: SplicedEvent | undefined;

  /** Another attempt begins, whose text joins that of the blocks `kept`. */
  expect(config: SeamConfig, kept: readonly { type: string }[]): void {
    this.#config = kept.length > 0 ? withAllText(config, kept) : undefined;
    this.restart();
  }

  /** The attempt begins anew. */
  restart(): void {
    this.cancel();
    this.#seam = this.#config && new Seam(this.#config);
  }

  /** Nothing is joined any more. */
  cancel(): void {
    this.#seam = this.#text = this.#start = undefined;
  }

  /** Whether the first text of the attempt has not begun. */
  get awaitsText(): boolean {
    return this.#seam !== undefined && this.#text === undefined;
  }

  /** The text that is being joined, from its begin to its end. */
  get text(): { index: number } | undefined {
    return this.#text;
  }

  /** The text begins; `start` is given back by `takeStart` when there is new text. */
  begin(index: number, start: SplicedEvent | undefined): void {
    this.#text = { index };
    this.#start = start;
  }

  /** Takes the next piece of the text, and gives what is certain to be new. */
  push(text: string): string {
    return this.#seam?.push(text) ?? text;
  }

  /** Gives what is held back, when the text is over. */
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
