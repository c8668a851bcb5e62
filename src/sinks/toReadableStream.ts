import { concatMap, defer, type Observable } from 'rxjs';
import { requireMessageStop } from '../../operators/requireMessageStop.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { byteStream } from './byteStream.ts';
import { checkSink, type SinkOptions } from './SinkOptions.ts';

/**
 * Events as the SDK's own format for streams: one line of JSON for each, as `toReadableStream()` of
 * its `Stream` and `MessageStream` writes them (SDK src/core/streaming.ts). Read it with
 * `MessageStream.fromReadableStream`.
 *
 * ```text
 * events$    --m--p--t--t--S|    p: ping
 * lines      --M-----T--T--S|
 * ```
 *
 * - Cold and pull-driven: `events$` is subscribed when the stream is first read, and not before.
 * - Pings are left out, since the SDK's readers do not know them. So is a seam (`resume`) that
 *   withdraws nothing; one that withdraws a block cannot be said in this format, and is an error with
 *   code `protocol`.
 * - Slow reader: give the source and this the same `valve`, and the source waits. Without one, the
 *   lines that are not read yet are kept.
 * - Cancel: `events$` is unsubscribed at once, which aborts the request. (`abort()` of a
 *   `MessageStream` does not cancel the stream that it reads: to stop, use `takeUntil` before.)
 * - Error: the stream errors with it, after the lines before; over HTTP that cuts the connection. To
 *   send the error itself there is `toSseResponse`. An end before `message_stop` is an error, too.
 * - The SDK's `Stream` reads the events of a loop of `runTools`; its `MessageStream` takes one reply only.
 *
 * @throws TypeError when `events$` is no Observable.
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
      // The error of a source of ours has its own `partial`; there is no need for a second.
      requireMessageStop({ keepContent: false }),
      concatMap((event: AnyStreamEvent) => {
        if (event.type === 'ping') return [];
        if (event.type === 'resume') {
          if (event.keep < blocks) throw withdrawn();
          return [];
        }
        if (event.type === 'message_start') blocks = 0;
        if (event.type === 'content_block_start') blocks = event.index + 1;
        return [`${JSON.stringify(event)}\n`];
      }),
    );
  });
  return byteStream(lines, options.valve);
}

function withdrawn(): MessageStreamError {
  return new MessageStreamError(
    'toReadableStream: the reply was carried on without a block that has been sent, which the ' +
      "SDK's format cannot say; toSseResponse can",
    { code: 'protocol' },
  );
}
