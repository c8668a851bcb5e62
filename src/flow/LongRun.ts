import { nextTurn } from './nextTurn.ts';

/** So long a loop runs before it lets other work of the event loop run: half a frame (ms). */
const LONGEST_RUN = 8;

/**
 * How long a loop has run in which nothing waits. Meanwhile a page is not drawn, and no timer runs: when
 * the run is over, the loop goes on in a later turn of the event loop.
 */
export class LongRun {
  #since = Date.now();

  isOver(now: number = Date.now()): boolean {
    return now - this.#since >= LONGEST_RUN;
  }

  /** Begins anew: the loop has waited. */
  restart(now: number = Date.now()): void {
    this.#since = now;
  }

  /** Goes on with `task` in a later turn of the event loop. */
  pause(task: () => void): void {
    nextTurn(() => {
      this.restart();
      task();
    });
  }
}
