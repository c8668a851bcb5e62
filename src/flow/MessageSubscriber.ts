import { Subscriber } from 'rxjs';
import { PartialMessage } from '../message/PartialMessage.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';

/**
 * A subscriber that keeps the message so far, for the `partial` of its errors.
 *
 * If one such subscriber directly follows another, as `messageTimeout` follows a source, they share the
 * message. The subscriber nearer to the source builds it, so each event is handled once.
 */
export abstract class MessageSubscriber<E extends AnyStreamEvent> extends Subscriber<E> {
  protected readonly received: PartialMessage<E>;
  /** Whether the subscriber before this one builds the message. */
  #isShared = false;

  constructor(destination: Subscriber<E>, keepContent: boolean) {
    super(destination);
    const next = destination instanceof MessageSubscriber ? destination : undefined;
    // Not if another source has begun the message, or builds it.
    if (next && !next.#isShared && next.received.isEmptyWith(keepContent)) {
      next.#isShared = true;
      this.received = next.received;
    } else {
      this.received = new PartialMessage(keepContent);
    }
  }

  protected receive(event: E): void {
    if (!this.#isShared) this.received.push(event);
  }
}
