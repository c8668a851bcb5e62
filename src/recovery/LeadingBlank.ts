import { isBlank } from '../history/blankText.ts';
import type { SplicedEvent } from './SplicedEvent.ts';

/**
 * Holds back the white space at the start of a text until more text comes. If the attempt breaks there,
 * the continuation need not start from white space, and nothing must be withdrawn.
 */
export class LeadingBlank {
  readonly #give: (event: SplicedEvent) => void;
  readonly #waiting: SplicedEvent[] = [];
  /** Whether the text so far is only white space. */
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

  /** Emits the held back events, because nothing will withdraw them. */
  release(): void {
    if (!this.#isBlank) return;
    this.#isBlank = false;
    for (const event of this.#waiting.splice(0)) this.#give(event);
  }

  /** Drops the held back events: the next attempt brings them again. */
  drop(): void {
    this.#waiting.length = 0;
  }
}

function isBlankDelta({ type, delta }: SplicedEvent): boolean {
  return type === 'content_block_delta' && delta?.type === 'text_delta' && isBlank(delta.text);
}
