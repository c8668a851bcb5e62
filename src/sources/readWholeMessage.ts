import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import type { Subscriber } from 'rxjs';
import { eventsOf } from '../message/eventsOf.ts';
import { fields, parseRecord } from '../message/record.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { requestIdIn, toMessageStreamError } from '../message/toMessageStreamError.ts';
import { beginning, protocolError } from './bodyError.ts';
import type { ResponseOptions } from './SourceOptions.ts';

/**
 * Reads a reply that was not streamed into `subscriber`: the events that build it, in one run.
 * `parsed` is a promise of the body where the SDK reads it, which ends its span of the request.
 */
export function readWholeMessage(
  response: Response,
  subscriber: Subscriber<StreamEvent>,
  { onResponse }: ResponseOptions,
  abort: () => void,
  parsed?: PromiseLike<unknown>,
): void {
  const { headers, status } = response;
  const requestId = requestIdIn(headers);
  let isRead = false;
  subscriber.add(() => {
    if (!isRead) abort();
  });
  const fail = (error: unknown, otherwise?: 'connection') =>
    subscriber.error(toMessageStreamError(error, { requestId, otherwise: otherwise ?? 'unknown' }));

  try {
    onResponse?.({ requestId, status, headers });
  } catch (error) {
    return fail(error);
  }
  if (subscriber.closed) return;
  const onBody = (body: unknown): void => {
    isRead = true;
    const message = typeof body === 'string' ? parseRecord(body) : fields(body);
    if (message?.['type'] !== 'message' || !Array.isArray(message['content'])) {
      const text = typeof body === 'string' ? body : (JSON.stringify(body) ?? '');
      return fail(protocolError(`is no message; it ${beginning(text)}`, response));
    }
    for (const event of eventsOf(message as unknown as Message)) subscriber.next(event);
    subscriber.complete();
  };
  (parsed ?? response.text()).then(onBody, (error: unknown) => {
    // That is how the SDK reports a body that is not JSON.
    if (!(error instanceof SyntaxError)) return fail(error, 'connection');
    fail(protocolError(`is not JSON: ${error.message}`, response));
  });
}
