import { MessageBuilder } from './MessageBuilder.ts';
import type { AnyStreamEvent, ContentBlockOf, MessageOf, StreamEvent } from './StreamEvent.ts';

/**
 * Builds a message and hands out its blocks, each of them once.
 *
 * Blocks that are withdrawn before they were taken are gone; those that come in the place of taken
 * ones can be taken again.
 */
export class BlockCursor<E extends AnyStreamEvent = StreamEvent> {
  readonly #builder = new MessageBuilder<E>();
  /** The `index` of the block that is being written, which is the last one. */
  #index = -1;
  /** How many blocks, from the start, have been taken. */
  #taken = 0;

  get message(): MessageOf<E> | undefined {
    return this.#builder.message;
  }

  /** The blocks so far that have been taken. */
  get taken(): ContentBlockOf<E>[] {
    return this.#content.slice(0, this.#taken);
  }

  push(event: E): void {
    this.#builder.push(event);
    switch (event.type) {
      case 'content_block_start':
        this.#index = event.index;
        return;
      case 'content_block_delta':
        // Where a start is missing.
        if (event.index > this.#index) this.#index = event.index;
        return;
      case 'message_start':
      case 'resume':
        this.#index = this.#content.length - 1;
        this.#taken = Math.min(this.#taken, this.#content.length);
    }
  }

  /** Whether the event ends the last block, and not one that has ended without it. */
  isStopOfLast(event: E): boolean {
    return event.type === 'content_block_stop' && event.index === this.#index;
  }

  takeAll(): ContentBlockOf<E>[] {
    return this.#take(this.#content.length);
  }

  takeAllButLast(): ContentBlockOf<E>[] {
    return this.#take(this.#content.length - 1);
  }

  get #content(): ContentBlockOf<E>[] {
    return this.message?.content ?? [];
  }

  #take(end: number): ContentBlockOf<E>[] {
    const blocks = this.#content.slice(this.#taken, Math.max(end, this.#taken));
    this.#taken += blocks.length;
    return blocks;
  }
}
