import type { Observable } from 'rxjs';
import { toSse, type ToSseConfig } from '../../operators/toSse.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { byteStream } from './byteStream.ts';
import { checkSink, type SinkOptions } from './SinkOptions.ts';

export interface SseResponseInit extends ToSseConfig, SinkOptions {
  /** Further headers, or other values for those of an event stream. */
  headers?: ConstructorParameters<typeof Headers>[0] | undefined;
  /** Default: 200. */
  status?: number | undefined;
}

/** What an event stream is sent with; nginx holds one back unless it is told not to. */
export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * Events as the `Response` of a web server: Hono, Next.js, Deno, Bun, Cloudflare Workers, a service
 * worker.
 *
 * ```text
 * events$    --m--t--t--S|
 * body       --M--T--T--S|     a frame for each event, see `toSse`
 * ```
 *
 * `fromResponse` on the other side gives the same events and the same ending.
 *
 * - Cold and pull-driven: `events$` is subscribed when the body is first read, and not before. A
 *   response that nobody reads makes no request.
 * - Slow reader: give the source and this the same `valve`, and the source waits. Without one, the
 *   frames that are not read yet are kept, as many as there are: at most the rest of the reply.
 * - Cancel (the reader has left): `events$` is unsubscribed at once, which aborts the request.
 * - Error: the last frame says it, and the body ends. The status is sent before anything is known
 *   of the reply, so it is 200 also then.
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
 *   // What has been sent need not be kept: the reader has its own `partial`.
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
