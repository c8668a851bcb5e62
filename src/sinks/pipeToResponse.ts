import { type Observable, Subscription } from 'rxjs';
import { toSse, type ToSseConfig } from '../../operators/toSse.ts';
import { type EncodableEvent, encodeEvent } from '../sse/encodeEvent.ts';
import { writeAll } from './writeAll.ts';
import { checkSink, type SinkOptions } from './SinkOptions.ts';
import type { TextWritable } from './TextWritable.ts';
import { SSE_HEADERS } from './toSseResponse.ts';
import { PullQueue } from './PullQueue.ts';

/** The required part of a Node `ServerResponse` or `Http2ServerResponse`. */
export interface NodeResponse extends TextWritable {
  readonly headersSent: boolean;
  writeHead(status: number, headers: Record<string, string | string[]>): unknown;
  flushHeaders?(): void;
}

export interface PipeToResponseInit extends ToSseConfig, SinkOptions {
  /** Additional headers, which override the default headers of an event stream. Default: none. */
  headers?: Readonly<Record<string, string | string[]>> | undefined;
  /** The HTTP status. Default: 200. */
  status?: number | undefined;
  /**
   * The last event to send if you unsubscribe while the client is connected, for readers that would take
   * the end for a complete reply. Default: none: for `fromResponse`, an end without `message_stop` is an
   * error.
   */
  cut?: EncodableEvent | undefined;
}

/**
 * Sends events as server-sent events (SSE) to a response of `node:http`: in a plain server, in Express,
 * in Fastify (after `reply.hijack()`, to `reply.raw`), in NestJS (with `@Res()`).
 *
 * ```text
 * events$     --m--t--t--S|
 * response    h-M--T--T--S|     h: the headers, at once; a frame for each event, see `toSse`
 * client      ------x           x: disconnects
 * events$     --m--t!
 * ```
 *
 * `fromResponse` in the client emits the same events and the same ending.
 *
 * - It subscribes at once, and returns the subscription. Unsubscribing ends the response; because
 *   `message_stop` is missing, the reader gets an error (`truncated`).
 * - Slow client: no more frames are written until the response has drained. Pass the same `valve` to the
 *   source and to this function, and the source waits. Without a valve, waiting frames are buffered,
 *   without a limit.
 * - If the client disconnects, `events$` is unsubscribed at once, which aborts the request. If it has
 *   disconnected before, `events$` is not subscribed. Nothing is written after the end, and no error of
 *   the socket is left unhandled.
 * - Error: the last frame is the error, and the response ends. The headers are sent before the outcome
 *   is known, so the status is 200 in this case too. To log the error, use `tap` before.
 * - Headers set before with `setHeader` are kept. If the headers have already been sent, no headers are
 *   added.
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
 *   // Refuse a body of unknown or excessive length before reading it.
 *   const isShort = Number(request.headers['content-length']) <= 100_000;
 *   if (!isShort) return void response.writeHead(413).end();
 *   const valve = new Valve();
 *   const ask = (content: string) =>
 *     fromMessages(
 *       client,
 *       { model: 'claude-opus-5-5', max_tokens: 1024, messages: [{ role: 'user', content }] },
 *       // Do not keep events that were sent: the reader has its own `partial`.
 *       { valve, keepContent: false },
 *     );
 *   // If the request body breaks off, the reply errors.
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
      'pipeToResponse: pass a response of node:http (with Fastify, `reply.raw`); for a web Response, use ' +
        'toSseResponse',
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
  // This listener stays after the last frame, because the response may still emit an error.
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

/** The frames of the last event. */
function lastFrames(cut: EncodableEvent, { eventLine = true, done }: ToSseConfig): string {
  const frame = encodeEvent(cut, { eventLine });
  return done === undefined ? frame : `${frame}data: ${done}\n\n`;
}

function withDefaults(headers: PipeToResponseInit['headers']): Record<string, string | string[]> {
  const own = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return { ...SSE_HEADERS, ...Object.fromEntries(own) };
}
