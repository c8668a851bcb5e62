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
   * What happens when the last reader leaves a reply that is still coming: `true` unsubscribes the
   * source, which aborts the request; `false` lets it run to its end; a function gives an Observable
   * whose first value unsubscribes the source, unless a reader has come meanwhile, such as
   * `() => timer(10_000)`. Default: `true`.
   */
  resetOnRefCountZero?: boolean | (() => ObservableInput<unknown>);
}

/**
 * One request, many readers: late subscribers get a replay of the reply so far in a few events,
 * then the rest as it comes.
 *
 * ```text
 * source  m[ab------c]xS|
 *         shareMessage()
 * first   m[ab------c]xS|
 * late        (m[T)-c]xS|     T: 'ab', the text so far
 * ```
 *
 * - A late reader accumulates the same message as the first one, wherever it comes in. Each block so
 *   far is a start and one delta for each kind of its content; pings, seams (`resume`) and events of
 *   unknown types are live only. Deltas of unknown types are repeated one by one.
 * - Memory is that of the message: events are not kept.
 * - Each reader gets the events in the order of the source, also when a reader subscribes, leaves,
 *   or makes the source emit while it is given one.
 * - Error, complete: passed on to all readers. Who comes after that gets the whole reply in short, then
 *   the same ending; the request is not sent again. So put `retryResumable` before this operator.
 * - Unsubscribe: the last reader that leaves before the end unsubscribes the source, as
 *   `resetOnRefCountZero` says; the next reader then begins a new request.
 *
 * It shares one reply. Of several messages in one Observable, a late reader gets the one that is
 * being written, or was last.
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

/** A subject that gives a late reader the reply so far. */
function replaying<E extends AnyStreamEvent>(): SubjectLike<E> {
  const replay = new MessageReplay<E>();
  const live = new Subject<E>();
  // One notification is with all readers, and one replay with its reader, before the next begins.
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
