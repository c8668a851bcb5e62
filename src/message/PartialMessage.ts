import { isBlockEvent } from './eventKinds.ts';
import { MessageBuilder } from './MessageBuilder.ts';
import type { MessageStreamError } from './MessageStreamError.ts';
import type { AnyStreamEvent, StreamEvent } from './StreamEvent.ts';

/**
 * The message so far, for the `partial` of an error. Without `keepContent` it does not hold the content,
 * so a reply of any length takes no memory.
 */
export class PartialMessage<E extends AnyStreamEvent = StreamEvent> extends MessageBuilder<E> {
  readonly #keepContent: boolean;

  constructor(keepContent: boolean) {
    super();
    this.#keepContent = keepContent;
  }

  override push(event: E): void {
    if (this.#keepContent || !isBlockEvent(event)) super.push(event);
  }

  /** Whether nothing has come so far, and `keepContent` is the same. */
  isEmptyWith(keepContent: boolean): boolean {
    return this.message === undefined && this.#keepContent === keepContent;
  }

  get partial(): MessageStreamError['partial'] {
    return this.message as MessageStreamError['partial'];
  }
}
