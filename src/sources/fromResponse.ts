import { Observable } from 'rxjs';
import { requireNumbers } from '../flow/require.ts';
import type { StreamEvent, ToolEvent } from '../message/StreamEvent.ts';
import { isResponse, openResponse } from './openResponse.ts';
import { readEventStream } from './readEventStream.ts';
import { endings, type ResponseOptions } from './SourceOptions.ts';

/** A response, a promise of one, or a function that makes the request: called for each subscription. */
export type ResponseInput =
  | Response
  | PromiseLike<Response>
  | ((signal: AbortSignal) => Response | PromiseLike<Response>);

/**
 * Turns the response of a `fetch` into the events of the reply it streams: the way in for browsers,
 * and for servers without the SDK.
 *
 * ```text
 * fetch       --R
 * body          --m--t-t--ttt--S|
 * result      ----m--t-t--(ttt)-(S|)
 * ```
 *
 * - Cold when given a function: each subscription makes its own request, and the function's signal
 *   aborts it. A `Response` or promise can be subscribed once.
 * - Error: a `MessageStreamError` with `partial` and request id. HTTP errors carry their status and
 *   `retryAfterMs`; a body that is no event stream (JSON, HTML, empty) is `protocol` with its first
 *   characters; an end before `message_stop` is `truncated`.
 * - Complete: at `message_stop`, without waiting for the end of the body, which is then read for at
 *   most 250 ms so that the connection can be used again. A loop of `runTools` completes after its
 *   last turn; `fromResponse<ToolEvent>` has the type of its events.
 * - Unsubscribe: the request is aborted and the socket closed at once, in any phase; inside a chunk
 *   the next event is the first that is not emitted.
 * - A server that is far ahead does not hold up the program: of what is there already, as much is
 *   taken in one turn of the event loop as takes 8 ms, but for the end of 64 kB, so that a page is
 *   drawn meanwhile.
 *
 * @throws TypeError when given neither a response nor a promise nor a function.
 *
 * @example
 * ```ts
 * import { fromResponse, textOnly } from 'claude-rx';
 *
 * fromResponse((signal) => fetch('/api/chat', { method: 'POST', body: 'Hello', signal }))
 *   .pipe(textOnly())
 *   .subscribe((text) => document.body.append(text));
 * ```
 */
export function fromResponse(
  input: ResponseInput,
  options?: ResponseOptions,
): Observable<StreamEvent>;
export function fromResponse<Tools extends ToolEvent>(
  input: ResponseInput,
  options?: ResponseOptions,
): Observable<StreamEvent | Tools>;
export function fromResponse(
  input: ResponseInput,
  options: ResponseOptions = {},
): Observable<StreamEvent | ToolEvent> {
  if (typeof input !== 'function' && !isResponse(input) && typeof input?.then !== 'function') {
    throw new TypeError(
      'fromResponse: pass a Response, a promise of one, or a function that returns one, such as ' +
        '`(signal) => fetch(url, { signal })`',
    );
  }
  requireNumbers('fromResponse', { maxFrameLength: options.maxFrameLength }, { min: 1 });
  return new Observable<StreamEvent>((subscriber) =>
    openResponse(subscriber, input, (response, abort) =>
      readEventStream(response, subscriber, options, abort),
    ),
  ).pipe(endings(options));
}
