import { isBlank } from '../history/blankText.ts';
import type { SplicedEvent } from './SplicedEvent.ts';

/**
 * Holds back the white space with which a text begins until there is more of it: an attempt that breaks
 * there is not continued from white space, and what was not shown need not be withdrawn.
 */
export class LeadingBlank {
  readonly #give: (event: SplicedEvent) => void;
  readonly #waiting: SplicedEvent[] = [];
  /** Whether the text has had nothing but white space. */
  #isBlank = false;

  constructor(give: (event: SplicedEvent) => void) {
    this.#give = give;
  }

  push(event: SplicedEvent): void {
    if (this.#isBlank && isBlankDelta(event)) {
      this.#waiting.push(event);
      return;
    }
    this.release();
    if (event.type === 'content_block_start') this.#isBlank = event.content_block?.type === 'text';
    this.#give(event);
  }

  /** Gives out what is held back, because nothing will withdraw it. */
  release(): void {
    if (!this.#isBlank) return;
    this.#isBlank = false;
    for (const event of this.#waiting.splice(0)) this.#give(event);
  }

  /** Drops what is held back: the next attempt brings it again. */
  drop(): void {
    this.#waiting.length = 0;
  }
}

function isBlankDelta({ type, delta }: SplicedEvent): boolean {
  return type === 'content_block_delta' && delta?.type === 'text_delta' && isBlank(delta.text);
}
