import { filter, type Subscriber, take } from 'rxjs';
import type { Valve } from './Valve.ts';

/** Calls `goOn` at once, or when the valve opens; never after the subscriber has unsubscribed. */
export function whenOpen(
  valve: Valve | undefined,
  subscriber: Subscriber<unknown>,
  goOn: () => void,
): void {
  if (valve === undefined || valve.isOpen) return goOn();
  subscriber.add(valve.open$.pipe(filter(Boolean), take(1)).subscribe(goOn));
}
