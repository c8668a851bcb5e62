import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import type { Subscriber } from 'rxjs';
import { eventsOf } from '../message/eventsOf.ts';
import { parseRecord } from '../message/record.ts';
import type { StreamEvent } from '../message/StreamEvent.ts';
import { toMessageStreamError } from '../message/toMessageStreamError.ts';
import { beginning, protocolError, requestIdOf } from './bodyError.ts';
import type { ResponseOptions } from './SourceOptions.ts';

/** Reads a reply that was not streamed into `subscriber`: the events that build it, in one run. */
export function readWholeMessage(
  response: Response,
  subscriber: Subscriber<StreamEvent>,
  { onResponse }: ResponseOptions,
  abort: () => void,
): void {
  const { headers, status } = response;
  const requestId = requestIdOf(response);
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
  const onText = (text: string): void => {
    isRead = true;
    const message = parseRecord(text);
    if (message?.['type'] !== 'message' || !Array.isArray(message['content'])) {
      return fail(protocolError(`is no message; it ${beginning(text)}`, response));
    }
    for (const event of eventsOf(message as unknown as Message)) subscriber.next(event);
    subscriber.complete();
  };
  response.text().then(onText, (error: unknown) => fail(error, 'connection'));
}
