import { nextTurn } from './nextTurn.ts';

/** How long a loop may run before it yields to the event loop: half a frame, in milliseconds. */
const LONGEST_RUN = 8;

/**
 * Limits how long a synchronous loop blocks the event loop. While it runs, no timer fires and the page is
 * not drawn; so after a while the loop continues in a later turn of the event loop.
 */
export class LongRun {
  #since = Date.now();

  isOver(now: number = Date.now()): boolean {
    return now - this.#since >= LONGEST_RUN;
  }

  /** Resets the clock, after the loop has waited. */
  restart(now: number = Date.now()): void {
    this.#since = now;
  }

  /** Runs `task` in a later turn of the event loop. */
  pause(task: () => void): void {
    nextTurn(() => {
      this.restart();
      task();
    });
  }
}
