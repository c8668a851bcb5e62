import { catchError, EMPTY, endWith, map, type Observable, of, Subscription } from 'rxjs';
import { Valve } from '../flow/Valve.ts';
import { errorEvent, type ErrorTextOptions } from '../message/errorEvent.ts';
import { errorFrame } from '../message/errorFrame.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { type NodeResponse, pipeToResponse } from '../sinks/pipeToResponse.ts';
import { toSseResponse } from '../sinks/toSseResponse.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import type { Relay } from './Relay.ts';
import { endingOffset, RELAY_END } from './offset.ts';
import { unknownReply } from './relayErrors.ts';
import { isId, isRandomId } from './relayId.ts';
import { requireFunction } from '../flow/require.ts';

/** What is used of a request: of a web `Request`, or of one of `node:http`. */
export interface RelayRequest {
  readonly url?: string | undefined;
  readonly method?: string | undefined;
  readonly headers:
    | { get(name: string): string | null }
    | Readonly<Record<string, string | string[] | undefined>>;
}

export interface RelaySseConfig<
  Asker extends RelayRequest = RelayRequest,
> extends ErrorTextOptions {
  /**
   * Where the id is in the path of the request, as `:id`. A path that cannot be decoded is answered with
   * 400, another path with 404. Default: `/:id`.
   */
  path?: string;
  /**
   * Whether who asks may read the reply with this id: called before anything is looked up. Only `true`
   * is a yes. Default: only ids that `publish` has made are served. They cannot be guessed: who has one
   * was given it.
   */
  authorize?: (request: Asker, id: string) => boolean | PromiseLike<boolean>;
  /** Further headers of every answer, also of one without a stream, such as those of CORS. */
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds without an event after which a comment is sent: see `toSse`. Default: 15,000. */
  heartbeat?: number;
}

/** Serves the replies of a relay. */
export interface RelaySse<Asker extends RelayRequest = RelayRequest> {
  /**
   * The answer to a request for a reply, as a web `Response`. Without an `id`, that in the path is taken:
   * see the option `path`.
   */
  toResponse(request: Asker, id?: string): Promise<Response>;
  /**
   * Answers a request for a reply, in a server of `node:http`. Resolves when the answer has begun, with
   * what ends it; it ends by itself when the client leaves. Without an `id`, that in the path is taken.
   */
  pipeToResponse(request: Asker, response: NodeResponse, id?: string): Promise<Subscription>;
}

/**
 * Serves the replies of a relay as event streams, to `fromRelay`, to a browser's own `EventSource`, and
 * to `fromResponse`.
 *
 * ```text
 * follow(id)   --m--a--b--c--(S|)
 * body         --M--A--B--C--(SE|)     each with `id: <offset>`; E: 'event: relay_end'
 * ```
 *
 * | answer | when |
 * |---|---|
 * | 200 | an event stream: after the header `Last-Event-ID`, or `?after=`, or from the beginning |
 * | 204 | the reply is over and the reader has all of it; an `EventSource` then stops asking |
 * | 400 | the offset is not one of this reply, or the path cannot be decoded |
 * | 403 | `authorize` did not return `true`, whether there is such a reply or not |
 * | 404 | there is no such reply, it has expired, or the id cannot be one |
 * | 503 | the store cannot be reached |
 *
 * - An error answer is JSON as the API writes it, of which `fromRelay` makes the same `MessageStreamError`.
 *   Errors are masked as by `toSse`; the log, which other nodes read, has all of them.
 * - `HEAD` is answered with the headers alone.
 * - What the reply ended with, if it failed or was stopped, is the last frame, with an `id:`. A failure of
 *   the relay has none: a reader connects again.
 * - A slow reader is not waited for by others, and costs no more than a page of the log (`maxUnread` of
 *   `createRelay`).
 * - A reader that leaves does nothing to the reply.
 *
 * What `authorize` throws is passed on to your framework.
 *
 * @throws TypeError when `relay` is not a relay.
 *
 * @example
 * ```ts
 * import { createServer, type IncomingMessage } from 'node:http';
 * import { createRelay, relaySse } from 'claude-rx/relay';
 *
 * declare const ownerOf: (id: string) => Promise<string>;
 * declare const userOf: (cookie: string | undefined) => string;
 *
 * const sse = relaySse(createRelay(), {
 *   path: '/replies/:id',
 *   authorize: async ({ headers }: IncomingMessage, id) =>
 *     (await ownerOf(id)) === userOf(headers.cookie),
 * });
 * createServer((request, response) => {
 *   sse.pipeToResponse(request, response).catch(() => response.destroy());
 * }).listen(3000);
 * ```
 */
export function relaySse<Asker extends RelayRequest = RelayRequest>(
  relay: Pick<Relay<EncodableEvent>, 'follow' | 'status'>,
  {
    path = '/:id',
    authorize = (_, id) => isRandomId(id),
    headers,
    heartbeat,
    errorText,
  }: RelaySseConfig<Asker> = {},
): RelaySse<Asker> {
  if (typeof relay?.follow !== 'function' || typeof relay.status !== 'function') {
    throw new TypeError('relaySse: pass a relay, as createRelay makes it');
  }
  requireFunction('relaySse', 'authorize', authorize, 'a function that says who may read a reply');

  const idIn = idFinder(path);
  const refusal = (error: MessageStreamError): Response => {
    const status = error.status ?? (error.retryable ? 503 : 500);
    const body = JSON.stringify(errorEvent(error, { errorText }));
    return new Response(body, {
      status,
      headers: { ...headers, ...NOT_KEPT, 'content-type': 'application/json' },
    });
  };

  const answer = async (request: Asker, given: string | undefined): Promise<Response | Stream> => {
    try {
      const id = given ?? idIn(request.url ?? '');
      if (!isId(id)) return refusal(unknownReply(String(id)));
      // A promise, or an object that says why not, is no yes.
      if ((await authorize(request, id)) !== true) return refusal(forbidden());
      const after = lastOffset(request);
      const status = await relay.status(id, { after });
      if (!status) return refusal(unknownReply(id));
      if (status.isConsumed)
        return new Response(null, { status: 204, headers: { ...headers, ...NOT_KEPT } });
      return stream(relay, id, after);
    } catch (error) {
      // What `authorize` throws is for the framework.
      if (!(error instanceof MessageStreamError)) throw error;
      return refusal(error);
    }
  };
  const own = {
    errorText,
    ...(headers && { headers }),
    ...(heartbeat !== undefined && { heartbeat }),
  };

  return {
    async toResponse(request, id) {
      const found = await answer(request, id);
      if (found instanceof Response) return found;
      const response = toSseResponse(found.events$, { ...found.init, ...own });
      if (request.method !== 'HEAD') return response;
      return new Response(null, { status: response.status, headers: response.headers });
    },
    async pipeToResponse(request, response, id) {
      const found = await answer(request, id);
      if (!(found instanceof Response)) {
        const isHead = request.method === 'HEAD';
        const events$ = isHead ? EMPTY : found.events$;
        return pipeToResponse(events$, response, { ...found.init, ...own });
      }
      const text = await found.text();
      if (!response.destroyed && !response.writableEnded) {
        response.writeHead(found.status, Object.fromEntries(found.headers));
        if (text !== '' && request.method !== 'HEAD') response.write(text);
        response.end();
      }
      return Subscription.EMPTY;
    },
  };
}

interface Stream {
  readonly events$: Observable<EncodableEvent>;
  readonly init: { valve: Valve; id: () => string };
}

/** The frames of a reply. Each subscription follows it, though there is only one. */
function stream(relay: Pick<Relay<EncodableEvent>, 'follow'>, id: string, after: string): Stream {
  const valve = new Valve();
  let offset = after;
  const events$ = relay.follow(id, { after, valve, keepContent: false }).pipe(
    map((relayed): EncodableEvent => {
      ({ offset } = relayed);
      return relayed.event;
    }),
    endWith({ type: RELAY_END } as EncodableEvent),
    catchError((error: unknown) => {
      // Of a failure of the relay the reader keeps the offset that it has, and asks again.
      offset = endingOffset(error) ?? offset;
      return of(errorFrame(toMessageStreamError(error)));
    }),
  );
  // It is asked for as each frame is written.
  return { events$, init: { valve, id: () => offset } };
}

/** An `EventSource` keeps the address it was made with, so its header is the newer of the two. */
function lastOffset({ url, headers }: RelayRequest): string {
  const name = 'last-event-id';
  const header =
    typeof headers.get === 'function'
      ? headers.get(name)
      : (headers as Readonly<Record<string, unknown>>)[name];
  if (typeof header === 'string' && header !== '') return header;
  const query = (url ?? '').split('#', 1)[0]!.split('?').slice(1).join('?');
  return new URLSearchParams(query).get('after') ?? '';
}

/** The reason is for who asked alone, and for now. */
const NOT_KEPT = { 'cache-control': 'no-store' };

/** Finds the id in the address of a request; `undefined` where the path is not that of a reply. */
function idFinder(path: string): (url: string) => string | undefined {
  if (typeof path !== 'string' || path.split(':id').length !== 2) {
    throw new TypeError(
      `relaySse: path must hold \`:id\` once, such as '/replies/:id', not ${String(path)}`,
    );
  }
  const [before = '', after = ''] = path.split(':id');
  return (url) => {
    // Of a web Request it is the whole address. `new URL` would throw for some that Node lets pass.
    const [, found = ''] = /^(?:https?:\/\/[^/?#]*)?([^?#]*)/.exec(url) ?? [];
    const id = found.slice(before.length, found.length - after.length);
    if (!found.startsWith(before) || !found.endsWith(after) || /^$|\//.test(id)) return undefined;
    try {
      return decodeURIComponent(id);
    } catch {
      throw malformedPath();
    }
  };
}

function malformedPath(): MessageStreamError {
  return new MessageStreamError('The path of the request cannot be decoded', {
    code: 'request',
    status: 400,
    errorType: 'invalid_request_error',
  });
}

function forbidden(): MessageStreamError {
  return new MessageStreamError('This reply may not be read by who asks for it', {
    code: 'request',
    status: 403,
    errorType: 'permission_error',
  });
}
