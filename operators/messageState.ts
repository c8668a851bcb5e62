import {
  catchError,
  defer,
  distinctUntilChanged,
  map,
  of,
  type OperatorFunction,
  startWith,
} from 'rxjs';
import { StreamEnd } from '../src/message/eventKinds.ts';
import { MessageBuilder } from '../src/message/MessageBuilder.ts';
import type { MessageStreamError } from '../src/message/MessageStreamError.ts';
import { textAfter } from '../src/message/messageText.ts';
import { missingStart } from '../src/message/missingStart.ts';
import type {
  AnyStreamEvent,
  MessageOf,
  StreamEvent,
  UsageOf,
} from '../src/message/StreamEvent.ts';
import { requireMessageStop } from './requireMessageStop.ts';

/** The state of a reply: its status, and what has arrived of it. */
export type MessageState<E extends AnyStreamEvent = StreamEvent> =
  /** Nothing has arrived yet. */
  | { status: 'waiting'; message: undefined; text: ''; usage: undefined; error?: undefined }
  /** The reply is streaming, or is complete. */
  | {
      status: 'streaming' | 'complete';
      message: MessageOf<E>;
      text: string;
      usage: UsageOf<E>;
      error?: undefined;
    }
  /** The reply failed or was stopped; the other fields hold what had arrived. */
  | {
      status: 'error' | 'aborted';
      message: MessageOf<E> | undefined;
      text: string;
      usage: UsageOf<E> | undefined;
      error: MessageStreamError;
    };

/**
 * Emits the state of a reply for a view: its status, message, text and usage. It never errors, so a
 * view keeps the text of a reply that failed.
 *
 * ```text
 * source  --m--[--a--b--]--x--S----    S: message_stop
 *         messageState()
 * result  w-A--B--C--D-----E--(F|)     w: waiting; A to E: streaming; F: complete
 *
 * source  --m--[--a--#
 *         messageState()
 * result  w-A--B--C--(D|)              D: error, with the text of C
 * ```
 *
 * The first state, `waiting`, is emitted synchronously on subscription; then one for each event that
 * changes something. Unchanged fields keep their identity.
 *
 * | status | |
 * |---|---|
 * | `waiting` | until `message_start` |
 * | `streaming` | until the end |
 * | `complete` | after `message_stop`; for a loop of `runTools`, after its last `turn_end` |
 * | `error` | `error` is the reason; an end before `message_stop` has the code `truncated` |
 * | `aborted` | an `AbortSignal` fired: a Stop button, with `takeUntilAborted` before this operator |
 *
 * - Error: becomes the last state, with what had arrived; then the result completes.
 * - Complete: after `message_stop`, and the source is unsubscribed. The state is that of one message:
 *   for a chat, use `switchMap` for each question. For a loop of `runTools` it shows the reply that is
 *   streaming, and completes after the last turn.
 * - Unsubscribe: the source is unsubscribed.
 *
 * In Angular, `toSignal(state$, { requireSync: true })` is the signal for a template. Text must be
 * accumulated before the signal, as this operator does: a signal keeps only its latest value, so a
 * signal of deltas loses all but the last delta of a change detection, and a signal of an Observable
 * that errors throws whenever it is read. For one update per frame, add `auditFrame()` behind it.
 *
 * @example
 * ```ts
 * import { fromResponse, messageState, takeUntilAborted } from 'claude-rx';
 * import { Subject, switchMap } from 'rxjs';
 *
 * const prompt$ = new Subject<string>();
 * let stop = new AbortController();
 *
 * const state$ = prompt$.pipe(
 *   switchMap((body) => {
 *     stop = new AbortController();
 *     return fromResponse((signal) => fetch('/api/chat', { method: 'POST', body, signal })).pipe(
 *       takeUntilAborted(stop.signal),
 *       messageState(),
 *     );
 *   }),
 * );
 *
 * state$.subscribe((state) => {
 *   console.log(state.status, state.text);
 *   if (state.status === 'error') console.log(state.error.message, state.error.retryable);
 * });
 * prompt$.next('Tell me a story.');
 * document.querySelector('#stop')?.addEventListener('click', () => stop.abort());
 * ```
 */
export function messageState<E extends AnyStreamEvent>(): OperatorFunction<E, MessageState<E>> {
  return (source) =>
    defer(() => {
      const builder = new MessageBuilder<E>();
      const end = new StreamEnd();
      let state: MessageState<E> = {
        status: 'waiting',
        message: undefined,
        text: '',
        usage: undefined,
      };
      const stateAfter = (event: E): MessageState<E> => {
        builder.push(event);
        const isComplete = end.push(event);
        const message = builder.message;
        if (!message && event.type === 'message_stop') throw missingStart();
        const status = isComplete ? 'complete' : 'streaming';
        if (message && (message !== state.message || status !== state.status)) {
          const text = textAfter(state.text, event, builder);
          state = { status, message, text, usage: message.usage };
        }
        return state;
      };
      const lastState = (error: MessageStreamError): MessageState<E> => {
        const { message, text, usage } = state;
        const status = error.code === 'aborted' ? 'aborted' : 'error';
        return { status, message, text, usage, error };
      };
      return source.pipe(
        requireMessageStop(),
        map(stateAfter),
        catchError((error: MessageStreamError) => of(lastState(error))),
        startWith(state),
        distinctUntilChanged(),
      );
    });
}
