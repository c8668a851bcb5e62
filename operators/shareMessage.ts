import {
  type MonoTypeOperatorFunction,
  Observable,
  type ObservableInput,
  share,
  Subject,
  type SubjectLike,
} from 'rxjs';
import { requireFunction } from '../src/flow/require.ts';
import { MessageReplay } from '../src/message/MessageReplay.ts';
import type { AnyStreamEvent } from '../src/message/StreamEvent.ts';

export interface ShareMessageConfig {
  /**
   * What happens when the last subscriber leaves before the end of the reply. `true` unsubscribes the
   * source, which aborts the request. `false` lets the reply run to its end. A function returns an
   * Observable whose first value unsubscribes the source unless there is a subscriber again, such as
   * `() => timer(10_000)`. Default: `true`.
   */
  resetOnRefCountZero?: boolean | (() => ObservableInput<unknown>);
}

/**
 * Shares one request between several subscribers. Late subscribers get a replay of the reply so far
 * in a few events, then the rest live.
 *
 * ```text
 * source  m[ab------c]xS|
 *         shareMessage()
 * first   m[ab------c]xS|
 * late        (m[T)-c]xS|     T: 'ab', the text so far
 * ```
 *
 * - A late subscriber accumulates the same message as the first one. The replay has, for each block, a
 *   start event and one delta for each type of its content. Deltas of unknown types are replayed one
 *   by one. Pings, `resume` events and events of unknown types are not replayed.
 * - Memory holds the message, not the events.
 * - Each subscriber gets the events in the order of the source, also when a subscriber subscribes,
 *   unsubscribes or makes the source emit while it handles an event.
 * - Error, complete: passed on to all subscribers. A later subscriber gets the replay of the whole
 *   reply, then the same error or completion; the request is not sent again. So put `retryResumable`
 *   before this operator.
 * - Unsubscribe: when the last subscriber leaves before the end, `resetOnRefCountZero` decides about
 *   the source. After a reset, the next subscriber starts a new request.
 *
 * It shares one reply. If the source emits several messages, a late subscriber gets the current or
 * last one.
 *
 * @throws TypeError when `resetOnRefCountZero` is neither a boolean nor a function.
 *
 * @example
 * ```ts
 * import type Anthropic from '@anthropic-ai/sdk';
 * import { accumulateUsage, fromMessages, messageState, shareMessage } from 'claude-rx';
 *
 * function ask(client: Anthropic, params: Anthropic.MessageCreateParamsNonStreaming) {
 *   const reply$ = fromMessages(client, params).pipe(shareMessage());
 *   // One request for both.
 *   return { state$: reply$.pipe(messageState()), usage$: reply$.pipe(accumulateUsage()) };
 * }
 * ```
 */
export function shareMessage<E extends AnyStreamEvent>({
  resetOnRefCountZero = true,
}: ShareMessageConfig = {}): MonoTypeOperatorFunction<E> {
  if (typeof resetOnRefCountZero !== 'boolean') {
    const wanted = 'a boolean, or a function such as () => timer(ms)';
    requireFunction('shareMessage', 'resetOnRefCountZero', resetOnRefCountZero, wanted);
  }
  return share({
    connector: replaying<E>,
    resetOnError: false,
    resetOnComplete: false,
    resetOnRefCountZero,
  });
}

/** A subject that replays the reply so far to late subscribers. */
function replaying<E extends AnyStreamEvent>(): SubjectLike<E> {
  const replay = new MessageReplay<E>();
  const live = new Subject<E>();
  // All subscribers get a notification, and a new one its whole replay, before the next notification.
  const queue: (() => void)[] = [];
  let isBusy = false;
  const afterTheOthers = (task: () => void) => {
    queue.push(task);
    if (isBusy) return;
    isBusy = true;
    for (let next = queue.shift(); next; next = queue.shift()) next();
    isBusy = false;
  };

  const readers = new Observable<E>((reader) => {
    const wasBusy = isBusy;
    isBusy = true;
    for (const event of replay.events) if (!reader.closed) reader.next(event);
    live.subscribe(reader);
    isBusy = wasBusy;
    if (!isBusy && queue.length > 0) afterTheOthers(() => {});
  });
  return {
    next: (event) =>
      afterTheOthers(() => {
        replay.push(event);
        live.next(event);
      }),
    error: (error) => afterTheOthers(() => live.error(error)),
    complete: () => afterTheOthers(() => live.complete()),
    subscribe: (observer) => readers.subscribe(observer),
  };
}
