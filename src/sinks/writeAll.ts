import { TEXTS_AT_ONCE } from './SinkOptions.ts';
import type { TextWritable } from './TextWritable.ts';
import type { PullQueue } from './PullQueue.ts';

/**
 * Writes the waiting texts, no faster than the writable drains. Texts that arrive synchronously are
 * written together. Resolves when all is written, or the queue was stopped; rejects with the error of
 * the source when all texts before it are written.
 */
export function writeAll(waiting: PullQueue<string>, writable: TextWritable): Promise<void> {
  // Not an async function, which would create four promises for a single text.
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

/** Calls `goOn` when the writable has drained, or was closed. */
function whenDrained(writable: TextWritable, goOn: () => void): void {
  const events = ['drain', 'close', 'error'];
  const done = () => {
    for (const event of events) writable.off(event, done);
    goOn();
  };
  for (const event of events) writable.on(event, done);
}
