import { Subscriber } from 'rxjs';
import type { Fields } from '../message/record.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { fromApiError, truncation } from '../message/toMessageStreamError.ts';
import { ReplyFollower, type ReplyListener } from './ReplyFollower.ts';

/** Writes a reply, and how it ended, in another format. */
export interface BridgeWriter extends ReplyListener {
  /** The run is complete; `message` is the last message of the run. */
  finish(message: Fields | undefined): void;
  fail(error: unknown): void;
}

/**
 * Reads events for a writer. The output always completes: an error becomes a value in the writer's
 * format. This is one subscriber, because most events are deltas, and each is handled only once.
 */
export class BridgeSubscriber<E extends AnyStreamEvent, T> extends Subscriber<E> {
  readonly #writer: BridgeWriter;
  readonly #follower: ReplyFollower;

  /** `writer` is called once, with a function that returns the message so far. */
  constructor(reader: Subscriber<T>, writer: (message: () => Fields | undefined) => BridgeWriter) {
    super(reader);
    this.#writer = writer(() => this.#follower.message);
    this.#follower = new ReplyFollower(this.#writer);
  }

  protected override _next(event: E): void {
    if ((event.type as string) === 'error') return this.error(fromApiError({ body: event }));
    try {
      this.#follower.push(event);
    } catch (error) {
      this.error(error);
    }
  }

  protected override _complete(): void {
    if (!this.#follower.isWhole) return this._error(truncation());
    try {
      this.#writer.finish(this.#follower.message);
    } catch (error) {
      return this._error(error);
    }
    this.#end();
  }

  protected override _error(error: unknown): void {
    this.#follower.cut();
    this.#writer.fail(error);
    this.#end();
  }

  /** The reader may have unsubscribed at the last value. */
  #end(): void {
    if (!this.closed) super._complete();
  }
}
