import { asapScheduler, merge, Observable, scheduled, timer } from 'rxjs';
import { LongRun } from '../flow/LongRun.ts';

/**
 * Says when the next turn of a loop may begin. Not at once: were all of it synchronous, the stack would grow
 * with each turn. And where the loop has run for long, after other work of the event loop.
 */
export function betweenTurns(): () => Observable<unknown> {
  const run = new LongRun();
  return () => {
    if (!run.isOver()) return scheduled([undefined], asapScheduler);
    const paused$ = new Observable<void>((subscriber) => run.pause(() => subscriber.next()));
    // In virtual time nothing but the timer is awaited; real ones are late in a hidden page.
    return merge(paused$, timer(0));
  };
}
