import type { Subscriber } from 'rxjs';
import { MessageStreamError } from '../message/MessageStreamError.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';

type Request = (signal: AbortSignal) => Response | PromiseLike<Response>;

/**
 * Makes one request for one subscriber and hands the response over, with the function that aborts
 * it. A subscriber that leaves before the response aborts the request; a response that comes all
 * the same is cancelled.
 */
export function open(
  subscriber: Subscriber<StreamEvent>,
  request: Request,
  onResponse: (response: Response, abort: () => void) => void,
): void {
  const controller = new AbortController();
  const abort = () => abortWithoutTrace(controller);
  let responded = false;
  subscriber.add(() => {
    if (!responded) abort();
  });

  const take = (response: Response): void => {
    responded = true;
    if (subscriber.closed) {
      abort();
      response.body?.cancel().catch(() => {});
    } else if (response.bodyUsed || response.body?.locked) {
      subscriber.error(consumed());
    } else {
      onResponse(response, abort);
    }
  };
  const fail = (error: unknown) => subscriber.error(toMessageStreamError(error));

  try {
    const response = request(controller.signal);
    if (isResponse(response)) take(response);
    else response.then(take, fail);
  } catch (error) {
    fail(error);
  }
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

function consumed(): MessageStreamError {
  return new MessageStreamError(
    'This response has been read already. To subscribe more than once, pass a function that makes ' +
      'the request: fromResponse((signal) => fetch(url, { signal }))',
    { code: 'request' },
  );
}
