import { TEXTS_AT_ONCE } from './SinkOptions.ts';
import type { TextWritable } from './TextWritable.ts';
import type { PullQueue } from './PullQueue.ts';

/**
 * Writes what waits, no faster than the writable takes it: all texts of a synchronous run in one piece.
 * Resolves when all is written, or nothing is to be written any more; rejects with the error of the
 * source when what came before is written.
 */
export function writeAll(waiting: PullQueue<string>, writable: TextWritable): Promise<void> {
  // Not an async function: a text that comes alone would pay for four promises.
  return new Promise((resolve, reject) => {
    const write = (): void => {
      try {
        for (;;) {
          const texts = waiting.take(TEXTS_AT_ONCE);
          if (texts === undefined) return waiting.whenReady(write);
          if (texts.length === 0 || waiting.isStopped) return resolve();
          const text = texts.length === 1 ? texts[0]! : texts.join('');
          if (writable.write(text) === false) return whenDrained(writable, write);
        }
      } catch (error) {
        reject(error);
      }
    };
    write();
  });
}

/** Calls `goOn` when the writable takes more, or never will. */
function whenDrained(writable: TextWritable, goOn: () => void): void {
  const events = ['drain', 'close', 'error'];
  const done = () => {
    for (const event of events) writable.off(event, done);
    goOn();
  };
  for (const event of events) writable.on(event, done);
}
