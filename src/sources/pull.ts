import type { Subscriber } from 'rxjs';
import type { Valve } from '../flow/Valve.ts';
import { whenOpen } from '../flow/whenOpen.ts';

/** Pulls the values of `iterator` into `subscriber`, one after the other, while the valve is open. */
export function pull<T>(
  iterator: AsyncIterator<T>,
  subscriber: Subscriber<T>,
  fail: (error: unknown) => void,
  valve: Valve | undefined,
): void {
  const onResult = ({ done, value }: IteratorResult<T, unknown>): void => {
    if (subscriber.closed) return;
    if (done) return subscriber.complete();
    subscriber.next(value);
    if (!subscriber.closed) whenOpen(valve, subscriber, next);
  };
  const next = () => void iterator.next().then(onResult, fail);
  if (!subscriber.closed) whenOpen(valve, subscriber, next);
}
