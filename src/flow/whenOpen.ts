import { filter, type Subscriber, take } from 'rxjs';
import type { Valve } from './Valve.ts';

/** Goes on at once, or when the valve opens; not any more when the subscriber has left. */
export function whenOpen(
  valve: Valve | undefined,
  subscriber: Subscriber<unknown>,
  goOn: () => void,
): void {
  if (valve === undefined || valve.isOpen) return goOn();
  subscriber.add(valve.open$.pipe(filter(Boolean), take(1)).subscribe(goOn));
}
