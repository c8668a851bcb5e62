import {
  catchError,
  concatWith,
  defer,
  EMPTY,
  identity,
  type MonoTypeOperatorFunction,
  of,
  takeWhile,
  tap,
  throwError,
} from 'rxjs';
import { isBlockEvent } from '../src/message/isBlockEvent.ts';
import { isLastEvent } from '../src/message/isLastEvent.ts';
import { MessageBuilder } from '../src/message/MessageBuilder.ts';
import type { MessageStreamError } from '../src/message/MessageStreamError.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';
import { toMessageStreamError, truncation } from '../src/message/toMessageStreamError.ts';

export interface RequireMessageStopConfig {
  /**
   * Accepts a stream that ends after a `stop_reason` but without `message_stop`, as some gateways
   * send it, and adds the missing event. Default: `false`.
   */
  allowMissing?: boolean;
  /**
   * Takes the source for that of `runTools`, of several replies: it ends with the `turn_end` after
   * which no turn follows. Default: `false`.
   */
  turns?: boolean;
  /**
   * Whether the `partial` of an error holds the content. With `false` it holds all but that, and a
   * reply of any length takes no memory. Default: `true`.
   */
  keepContent?: boolean;
}

/**
 * Gives a reply the one way to end: it completes at `message_stop`, or errors with a
 * `MessageStreamError` that holds what had arrived.
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
 * All sources of this package end like this; put it behind a source of your own, such as
 * `from(sdkStream)`, whose truncation would otherwise pass for completion (the SDK's stream ends
 * silently there: SDK src/core/streaming.ts).
 *
 * - Error: the source's error becomes a `MessageStreamError` with `partial`.
 * - Complete: at `message_stop` the source is unsubscribed; a source that completes before it is an
 *   error with code `truncated`.
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
  turns = false,
  keepContent = true,
}: RequireMessageStopConfig = {}): MonoTypeOperatorFunction<E> {
  return (source) =>
    defer(() => {
      const builder = new MessageBuilder<E>();
      // Not `builder.stopped`, which needs a message_start: the sources end at any message_stop.
      let stopped = false;
      const partial = () => builder.message as MessageStreamError['partial'];
      const missingStop = defer(() => {
        if (stopped || !builder.message?.stop_reason) return EMPTY;
        stopped = true;
        return of({ type: 'message_stop' } as E);
      });
      return source.pipe(
        takeWhile((event) => {
          if (keepContent || !isBlockEvent(event)) builder.push(event);
          stopped = isLastEvent(event, turns);
          return !stopped;
        }, true),
        allowMissing && !turns ? concatWith(missingStop) : identity,
        tap({
          complete: () => {
            if (!stopped) throw truncation({ partial });
          },
        }),
        catchError((error: unknown) => throwError(() => toMessageStreamError(error, { partial }))),
      );
    });
}
