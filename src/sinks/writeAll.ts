import { TEXTS_AT_ONCE } from './SinkOptions.ts';
import type { TextWritable } from './TextWritable.ts';
import type { PullQueue } from './PullQueue.ts';

/**
 * Writes what waits, no faster than the writable takes it. Resolves when all is written, or nothing
 * is to be written any more; rejects with the error of the source when what came before is written.
 */
export async function writeAll(waiting: PullQueue<string>, writable: TextWritable): Promise<void> {
  for (;;) {
    const texts = await waiting.take(TEXTS_AT_ONCE);
    if (texts.length === 0 || waiting.isStopped) return;
    if (writable.write(texts.join('')) === false) await drained(writable);
  }
}

/** Resolves when the writable takes more, or never will. */
function drained(writable: TextWritable): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'close', 'error'];
    const done = () => {
      for (const event of events) writable.off(event, done);
      resolve();
    };
    for (const event of events) writable.on(event, done);
  });
}
