import { concatMap, defer, type Observable } from 'rxjs';
import { requireMessageStop } from '../../operators/requireMessageStop.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { clientEvent } from '../message/errorEvent.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { byteStream } from './byteStream.ts';
import { checkSink, type SinkOptions } from './SinkOptions.ts';

/**
 * Encodes events in the stream format of the SDK: one line of JSON per event, like `toReadableStream()`
 * of the SDK's `Stream` and `MessageStream` (SDK src/core/streaming.ts). Read it with
 * `MessageStream.fromReadableStream`.
 *
 * ```text
 * events$    --m--p--t--t--S|    p: ping
 * lines      --M-----T--T--S|
 * ```
 *
 * - Cold and pull-driven: `events$` is subscribed at the first read.
 * - Pings are omitted, because the SDK's readers do not know them. So are `resume` events that withdraw
 *   nothing. A `resume` event that withdraws a block has no equivalent in this format, and is an error
 *   with code `protocol`.
 * - Slow reader: pass the same `valve` to the source and to this function, and the source waits. Without
 *   a valve, lines that have not been read are buffered, without a limit.
 * - Cancel: `events$` is unsubscribed at once, which aborts the request. (`abort()` of a
 *   `MessageStream` does not cancel the stream that it reads: to stop, use `takeUntil` before.)
 * - Error: the stream errors after the lines before it; over HTTP, the connection is closed. To send the
 *   error itself, use `toSseResponse`. An end before `message_stop` is an error too.
 * - The SDK's `Stream` reads the events of a loop of `runTools`; its `MessageStream` reads one reply only.
 *
 * @throws TypeError when `events$` is not an Observable.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, toReadableStream } from 'claude-rx';
 *
 * const client = new Anthropic();
 *
 * // The other side: MessageStream.fromReadableStream((await fetch('/api/chat')).body)
 * export function GET(): Response {
 *   const messages = [{ role: 'user' as const, content: 'Hello, Claude' }];
 *   const params = { model: 'claude-opus-5-5', max_tokens: 1024, messages };
 *   return new Response(toReadableStream(fromMessages(client, params)));
 * }
 * ```
 */
export function toReadableStream<E extends AnyStreamEvent>(
  events$: Observable<E>,
  options: SinkOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  checkSink('toReadableStream', events$, options);
  const lines = defer(() => {
    let blocks = 0;
    return events$.pipe(
      // The error of a source of this package already has a `partial`.
      requireMessageStop({ keepContent: false }),
      concatMap((event: AnyStreamEvent) => {
        if (event.type === 'ping') return [];
        if (event.type === 'resume') {
          if (event.keep < blocks) throw withdrawn();
          return [];
        }
        if (event.type === 'message_start') blocks = 0;
        if (event.type === 'content_block_start') blocks = event.index + 1;
        return [`${JSON.stringify(clientEvent(event))}\n`];
      }),
    );
  });
  return byteStream(lines, options.valve);
}

function withdrawn(): MessageStreamError {
  return new MessageStreamError(
    "toReadableStream: the resumed reply withdraws a block that has been sent, which the SDK's format " +
      'does not support: use toSseResponse',
    { code: 'protocol' },
  );
}
