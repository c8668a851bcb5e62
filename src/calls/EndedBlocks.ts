import type { BlockBuilder } from '../message/BlockBuilder.ts';
import { blocksOf, MessageBuilder } from '../message/MessageBuilder.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyStreamEvent, ContentBlockOf } from '../message/StreamEvent.ts';
import { strayInput } from './strayInput.ts';

/** Returns each block of a reply once, when the block ends. */
export class EndedBlocks<E extends AnyStreamEvent> {
  readonly #builder = new MessageBuilder<E>();
  readonly #blocks = blocksOf(this.#builder);
  readonly #given = new WeakSet<BlockBuilder>();
  /** All blocks before this position have been returned. */
  #next = 0;
  #stray: unknown;

  /**
   * Processes the next event, and returns the blocks that it ends.
   *
   * @throws MessageStreamError when a block continues after it was returned, or an input belongs to no block
   */
  push(event: E): ContentBlockOf<E>[] {
    this.#builder.push(event);
    const { touched, stray } = this.#blocks;
    if (stray !== this.#stray) {
      this.#stray = stray;
      if (stray?.isLost) throw strayInput(stray, this.#builder.message);
    }
    switch (event.type) {
      case 'content_block_delta':
        if (touched?.isOpen && this.#given.has(touched)) throw this.#late(touched);
        return [];
      case 'content_block_stop':
        return this.#take(this.#blocks.withIndex(event.index));
      case 'message_delta':
        return event.delta?.stop_reason ? this.#takeAll() : [];
      case 'message_stop':
        return this.#takeAll();
      case 'message_start':
      case 'resume':
        this.#next = 0;
        return [];
      default:
        return [];
    }
  }

  #take(ended: readonly BlockBuilder[]): ContentBlockOf<E>[] {
    const blocks: unknown[] = [];
    for (const block of ended) {
      if (block.isOpen || this.#given.has(block)) continue;
      this.#given.add(block);
      blocks.push(block.block);
    }
    return blocks as ContentBlockOf<E>[];
  }

  #takeAll(): ContentBlockOf<E>[] {
    const blocks: ContentBlockOf<E>[] = [];
    for (; this.#next < this.#blocks.all.length; this.#next++) {
      blocks.push(...this.#take([this.#blocks.all[this.#next]!]));
    }
    return blocks;
  }

  #late({ index }: BlockBuilder): MessageStreamError {
    return new MessageStreamError(
      `The content block ${String(index)} continued after it had ended and was emitted`,
      { code: 'protocol', partial: this.#builder.message as never },
    );
  }
}
