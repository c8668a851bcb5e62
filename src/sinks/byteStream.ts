import type { Observable } from 'rxjs';
import type { Valve } from '../flow/Valve.ts';
import { TEXTS_AT_ONCE } from './SinkOptions.ts';
import { PullQueue } from './PullQueue.ts';

/** Encodes texts as a stream of bytes. It subscribes at the first read. */
export function byteStream(
  texts: Observable<string>,
  valve: Valve | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let waiting: PullQueue<string> | undefined;
  return new ReadableStream(
    {
      pull: function give(controller): void {
        waiting ??= new PullQueue(texts, valve);
        if (waiting.isStopped) return;
        try {
          const some = waiting.take(TEXTS_AT_ONCE);
          if (some === undefined) waiting.whenReady(() => give(controller));
          else if (some.length === 0) controller.close();
          else controller.enqueue(encoder.encode(some.join('')));
        } catch (error) {
          controller.error(error);
        }
      },
      cancel: () => waiting?.stop(),
    },
    // Do not read ahead of the consumer.
    { highWaterMark: 0 },
  );
}
