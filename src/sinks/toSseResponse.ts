import type { Observable } from 'rxjs';
import { toSse, type ToSseConfig } from '../../operators/toSse.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { byteStream } from './byteStream.ts';
import { checkSink, type SinkOptions } from './SinkOptions.ts';

export interface SseResponseInit extends ToSseConfig, SinkOptions {
  /** Additional headers, which override the default headers of an event stream. Default: none. */
  headers?: ConstructorParameters<typeof Headers>[0] | undefined;
  /** The HTTP status. Default: 200. */
  status?: number | undefined;
}

/** The headers of an event stream. `x-accel-buffering` stops nginx from buffering it. */
export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * Sends events as server-sent events (SSE) in a web `Response`: for Hono, Next.js, Deno, Bun, Cloudflare
 * Workers, or a service worker.
 *
 * ```text
 * events$    --m--t--t--S|
 * body       --M--T--T--S|     a frame for each event, see `toSse`
 * ```
 *
 * `fromResponse` in the client emits the same events and the same ending.
 *
 * - Cold and pull-driven: `events$` is subscribed at the first read of the body. A response that nobody
 *   reads sends no request.
 * - Slow reader: pass the same `valve` to the source and to this function, and the source waits. Without
 *   a valve, frames that have not been read are buffered, without a limit: at most the rest of the
 *   reply.
 * - Cancel (the reader disconnects): `events$` is unsubscribed at once, which aborts the request.
 * - Error: the last frame is the error, and the body ends. The status is sent before the outcome is
 *   known, so it is 200 in this case too.
 *
 * @throws TypeError when `events$` is not an Observable, or an option is not valid.
 *
 * @example
 * ```ts
 * import Anthropic from '@anthropic-ai/sdk';
 * import { fromMessages, toSseResponse, Valve } from 'claude-rx';
 *
 * const client = new Anthropic();
 *
 * export async function POST(request: Request): Promise<Response> {
 *   const { messages } = await request.json();
 *   const valve = new Valve();
 *   const params = { model: 'claude-opus-5-5', max_tokens: 1024, messages };
 *   // Do not keep events that were sent: the reader has its own `partial`.
 *   const reply$ = fromMessages(client, params, { valve, keepContent: false });
 *   return toSseResponse(reply$, { valve });
 * }
 * ```
 */
export function toSseResponse(
  events$: Observable<EncodableEvent>,
  init: SseResponseInit = {},
): Response {
  checkSink('toSseResponse', events$, init);
  const { status = 200, valve, ...config } = init;
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(SSE_HEADERS)) {
    if (!headers.has(name)) headers.set(name, value);
  }
  return new Response(byteStream(events$.pipe(toSse(config)), valve), { status, headers });
}
