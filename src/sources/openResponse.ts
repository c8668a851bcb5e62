import { noop, type Subscriber } from 'rxjs';
import type { MessageStreamErrorCode } from '../message/MessageStreamError.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';

type Input =
  | Response
  | PromiseLike<Response>
  | ((signal: AbortSignal) => Response | PromiseLike<Response>);

/**
 * Makes one request for one subscriber, or takes the response that there is, and hands it over with
 * the function that aborts the request. A subscriber that leaves before the response aborts it too;
 * a response that comes all the same is cancelled.
 */
export function openResponse(
  subscriber: Subscriber<StreamEvent>,
  input: Input,
  onResponse: (response: Response, abort: () => void) => void,
): void {
  // Only a request has something to abort, and a signal costs as much as ten events.
  const controller = typeof input === 'function' ? new AbortController() : undefined;
  const abort = controller ? aborting(controller) : noop;
  subscriber.add(abort);

  const take = (response: Response): void => {
    if (subscriber.closed) {
      response.body?.cancel().catch(noop);
    } else {
      subscriber.remove(abort);
      onResponse(response, abort);
    }
  };
  const fail = (error: unknown, otherwise: MessageStreamErrorCode = 'unknown') =>
    subscriber.error(toMessageStreamError(error, { otherwise }));

  try {
    const response = typeof input === 'function' ? input(controller!.signal) : input;
    if (isResponse(response)) take(response);
    else
      response
        .then(take, (error: unknown) => fail(error, isPlain(error) ? 'connection' : 'unknown'))
        .then(undefined, fail);
  } catch (error) {
    fail(error);
  }
}

/** `fetch` of workerd rejects so; that of others with a `TypeError`, which is recognised by its text. */
function isPlain(error: unknown): boolean {
  return error instanceof Error && error.name === 'Error';
}

/** Apart, as what aborts lives as long as the reply, and would hold all that `open` knows. */
function aborting(controller: AbortController): () => void {
  return () => abortWithoutTrace(controller);
}

/**
 * Aborts such that the reason holds no stack trace. V8 keeps the receivers of the calls in one, here
 * all subscribers; and the SDK keeps the reason until the body is collected, which these subscribers
 * hold (SDK src/internal/request-signal.ts): none of it would ever be freed.
 */
function abortWithoutTrace(controller: AbortController): void {
  const { stackTraceLimit } = Error;
  // Where intrinsics are frozen this says no instead of throwing.
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    controller.abort();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

/** By shape, since a fetch of another origin (node-fetch, a polyfill) has a class of its own. */
export function isResponse(value: unknown): value is Response {
  return typeof value === 'object' && value !== null && 'headers' in value && 'status' in value;
}
