import { type Observable, Subscription } from 'rxjs';
import { toSse, type ToSseConfig } from '../../operators/toSse.ts';
import { type EncodableEvent, encodeEvent } from '../sse/encodeEvent.ts';
import { writeAll } from './writeAll.ts';
import { checkSink, type SinkOptions } from './SinkOptions.ts';
import type { TextWritable } from './TextWritable.ts';
import { SSE_HEADERS } from './toSseResponse.ts';
import { PullQueue } from './PullQueue.ts';

/** What is used of a Node `ServerResponse`, or `Http2ServerResponse`. */
export interface NodeResponse extends TextWritable {
  readonly headersSent: boolean;
  writeHead(status: number, headers: Record<string, string | string[]>): unknown;
  flushHeaders?(): void;
}

export interface PipeToResponseInit extends ToSseConfig, SinkOptions {
  /** Further headers, or other values for those of an event stream. */
  headers?: Readonly<Record<string, string | string[]>> | undefined;
  /** Default: 200. */
  status?: number | undefined;
  /**
   * The event that is sent last when you unsubscribe while the client is there, for a reader that takes an
   * end without one for a good end. Default: none, as `fromResponse` has an error without `message_stop`.
   */
  cut?: EncodableEvent | undefined;
}

/**
 * Sends events as an event stream to a response of `node:http`: in a plain server, in Express, in
 * Fastify (after `reply.hijack()`, to `reply.raw`), in NestJS (with `@Res()`).
 *
 * ```text
 * events$     --m--t--t--S|
 * response    h-M--T--T--S|     h: the headers, at once; a frame for each event, see `toSse`
 * client      ------x           has left
 * events$     --m--t!
 * ```
 *
 * `fromResponse` on the other side gives the same events and the same ending.
 *
 * - It subscribes at once, and returns the subscription: unsubscribing ends the response, for which
 *   the reader has an error (`truncated`), as `message_stop` is missing.
 * - Slow client: nothing is written until the response has drained. Give the source and this the same
 *   `valve`, and the source waits; without one, the frames that wait are kept, as many as there are.
 * - The client leaves, or its connection breaks: `events$` is unsubscribed at once, which aborts the
 *   request. If it has left before, `events$` is not subscribed. Nothing is written after the end,
 *   and no error of the socket is left unhandled.
 * - Error: the last frame says it, and the response ends. The headers have been sent before anything
 *   is known of the reply, so the status is 200 also then. To log it, use `tap` before.
 * - Headers that were set before (`setHeader`) stay; where they have been sent, none are.
 *
 * @throws TypeError when `events$` is not an Observable, `response` is not a response of Node, or an
 * option is not valid.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { text } from 'node:stream/consumers';
 * import { defer, switchMap } from 'rxjs';
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, pipeToResponse, Valve } from 'claude-rx';
 *
 * const client = new Anthropic();
 * const server = createServer((request, response) => {
 *   // A body of unknown or great length is refused before it is read.
 *   const isShort = Number(request.headers['content-length']) <= 100_000;
 *   if (!isShort) return void response.writeHead(413).end();
 *   const valve = new Valve();
 *   const ask = (content: string) =>
 *     fromMessages(
 *       client,
 *       { model: 'claude-opus-5-5', max_tokens: 1024, messages: [{ role: 'user', content }] },
 *       // What has been sent need not be kept: the reader has its own `partial`.
 *       { valve, keepContent: false },
 *     );
 *   // A body that breaks off is an error of the reply, like any other.
 *   const reply$ = defer(() => text(request)).pipe(
 *     switchMap(ask),
 *   );
 *   pipeToResponse(reply$, response, { valve });
 * });
 * server.listen(3000);
 * ```
 */
export function pipeToResponse(
  events$: Observable<EncodableEvent>,
  response: NodeResponse,
  init: PipeToResponseInit = {},
): Subscription {
  checkSink('pipeToResponse', events$, init);
  if (typeof response?.writeHead !== 'function' || typeof response.write !== 'function') {
    throw new TypeError(
      'pipeToResponse: pass a response of node:http; with Fastify that is `reply.raw`, and for a web ' +
        'Response there is toSseResponse',
    );
  }
  const { status = 200, headers, valve, cut, ...config } = init;
  const frames = events$.pipe(toSse(config));
  const subscription = new Subscription();
  let isOver = false;
  const leave = () => {
    isOver = true;
    subscription.unsubscribe();
  };
  // Kept until the end of the response itself: an error may come after the last frame.
  response.on('error', leave);
  if (response.destroyed || response.writableEnded) {
    leave();
    return subscription;
  }
  response.on('close', leave);
  if (!response.headersSent) {
    response.writeHead(status, withDefaults(headers));
    response.flushHeaders?.();
  }
  const waiting = new PullQueue(frames, valve);
  subscription.add(() => {
    waiting.stop();
    response.off('close', leave);
    if (response.destroyed || response.writableEnded) return;
    if (cut && !isOver) response.write(lastFrames(cut, config));
    response.end();
  });
  writeAll(waiting, response).then(leave, leave);
  return subscription;
}

/** The frames of an event behind which nothing comes. */
function lastFrames(cut: EncodableEvent, { eventLine = true, done }: ToSseConfig): string {
  const frame = encodeEvent(cut, { eventLine });
  return done === undefined ? frame : `${frame}data: ${done}\n\n`;
}

function withDefaults(headers: PipeToResponseInit['headers']): Record<string, string | string[]> {
  const own = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return { ...SSE_HEADERS, ...Object.fromEntries(own) };
}
