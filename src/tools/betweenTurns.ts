import { asapScheduler, merge, Observable, scheduled, timer } from 'rxjs';
import { LongRun } from '../flow/LongRun.ts';

/**
 * Returns a function whose Observable emits when the next turn of a loop may begin. It is asynchronous,
 * because the stack of a synchronous loop would grow with each turn. A loop that has run for long waits
 * until the event loop has done other work.
 */
export function betweenTurns(): () => Observable<unknown> {
  const run = new LongRun();
  return () => {
    if (!run.isOver()) return scheduled([undefined], asapScheduler);
    const paused$ = new Observable<void>((subscriber) => run.pause(() => subscriber.next()));
    // In virtual time only the timer is awaited. Real timers are late in a hidden page.
    return merge(paused$, timer(0));
  };
}
