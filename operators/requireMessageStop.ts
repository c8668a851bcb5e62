import { type MonoTypeOperatorFunction, Observable, type Subscriber } from 'rxjs';
import { strayInput } from '../src/calls/strayInput.ts';
import { MessageSubscriber } from '../src/flow/MessageSubscriber.ts';
import { StreamEnd } from '../src/message/eventKinds.ts';
import { blocksOf } from '../src/message/MessageBuilder.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';
import {
  fromApiError,
  toMessageStreamError,
  truncation,
} from '../src/message/toMessageStreamError.ts';

export interface RequireMessageStopConfig {
  /**
   * Whether to accept a stream that ends after a `stop_reason` but without `message_stop`, as some
   * gateways send it. The missing event is added. Default: `false`.
   */
  allowMissing?: boolean;
  /**
   * Whether the `partial` of an error holds the content. With `false` it holds everything else, and
   * memory does not grow with the reply. Default: `true`.
   */
  keepContent?: boolean;
}

/**
 * Completes at `message_stop`; every other end is a `MessageStreamError` whose `partial` holds what
 * had arrived.
 *
 * ```text
 * source  --m--t--t--x--S-----        S: message_stop
 *         requireMessageStop()
 * result  --m--t--t--x--(S|)
 *
 * source  --m--t--t--|
 *         requireMessageStop()
 * result  --m--t--t--#                truncated, with the partial message
 * ```
 *
 * All sources of this package end like this. Put this operator behind a source of your own, such as
 * `from(sdkStream)`: without it, a reply that is cut off completes without an error (SDK
 * src/core/streaming.ts).
 *
 * - Error: becomes a `MessageStreamError` with `partial`. An error event of the API that arrives as a
 *   value, `{ type: 'error', error: { type, message } }`, becomes such an error too.
 * - Complete: at `message_stop`, and the source is unsubscribed. If the source completes before, the
 *   result errors with code `truncated`. A loop of `runTools` completes at its last `turn_end`.
 * - Unsubscribe: the source is unsubscribed.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { requireMessageStop } from 'claude-rx';
 * import { defer, from, switchMap } from 'rxjs';
 *
 * const reply = (client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) =>
 *   defer(() => client.messages.create({ ...params, stream: true })).pipe(
 *     switchMap((stream) => from(stream)),
 *     requireMessageStop(),
 *   );
 * ```
 */
export function requireMessageStop<E extends AnyStreamEvent>({
  allowMissing = false,
  keepContent = true,
}: RequireMessageStopConfig = {}): MonoTypeOperatorFunction<E> {
  const config = { allowMissing, keepContent };
  return (source) =>
    new Observable((subscriber) => source.subscribe(new ReplySubscriber(subscriber, config)));
}

/**
 * One subscriber instead of three (`takeWhile`, `tap` and `catchError`): a program may hold thousands
 * of replies.
 */
class ReplySubscriber<E extends AnyStreamEvent> extends MessageSubscriber<E> {
  readonly #allowMissing: boolean;
  readonly #end = new StreamEnd();
  // Not `received.stopped`, which needs a message_start: the sources end at any message_stop.
  #isOver = false;

  constructor(destination: Subscriber<E>, config: Required<RequireMessageStopConfig>) {
    super(destination, config.keepContent);
    this.#allowMissing = config.allowMissing;
  }

  protected override _next(event: E): void {
    if ((event.type as string) === 'error') return this.error(fromApiError({ body: event }));
    this.receive(event);
    const { stray } = blocksOf(this.received as never);
    if (stray?.isLost) return this.error(strayInput(stray, undefined));
    this.#isOver = this.#end.push(event);
    super._next(event);
    if (this.#isOver) this.complete();
  }

  protected override _complete(): void {
    if (!this.#isOver) {
      const mayEnd = this.#allowMissing && !this.#end.isLoop && this.received.message?.stop_reason;
      if (!mayEnd) return this._error(truncation());
      super._next({ type: 'message_stop' } as E);
    }
    if (!this.closed) super._complete();
  }

  protected override _error(error: unknown): void {
    super._error(toMessageStreamError(error, { partial: () => this.received.partial }));
  }
}
