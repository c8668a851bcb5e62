import {
  concat,
  defer,
  filter,
  from,
  type Observable,
  type ObservableInput,
  throwError,
} from 'rxjs';
import { reconnecting, type ResumeContext } from '../recovery/reconnecting.ts';
import { spliced } from '../recovery/spliced.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { lostWriter } from './relayErrors.ts';

/**
 * The rest of a reply after these events, joined as by `retryResumable`.
 *
 * The events are processed again, without being emitted, so that the rest fits: withdrawn blocks, indices,
 * usage.
 */
export function restAfter<E extends AnyStreamEvent>(
  events: readonly E[],
  resume: (context: ResumeContext<E>) => ObservableInput<E>,
): Observable<E> {
  const end = events.findIndex(({ type }) => type === 'message_stop');
  // A reply of several messages, as with tools, cannot be continued.
  if (end >= 0 && end < events.length - 1) return throwError(lostWriter);
  const once = reconnecting<E>('restAfter', { count: 1, delay: 0, isImmediate: true });
  return defer(() => {
    let isAgain = true;
    const attempts = events.reduce(
      (most, event) => (event.type === 'resume' ? Math.max(most, event.attempt) : most),
      1,
    );
    const broken = throwError(() => {
      isAgain = false;
      return lostWriter().after(attempts, undefined);
    });
    return concat(from(events), broken).pipe(
      spliced<E>({ resume }, once),
      filter(() => !isAgain),
    );
  });
}
