import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import type { Subscriber } from 'rxjs';
import { eventsOf } from '../message/eventsOf.ts';
import { frameTooLong, MAX_FRAME_LENGTH } from '../message/frameLimit.ts';
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
  { onResponse, maxFrameLength = MAX_FRAME_LENGTH }: ResponseOptions,
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
  const tooLong = () => fail(frameTooLong('The body is a message', maxFrameLength));
  // A code unit has at most three bytes in UTF-8.
  if (Number(headers.get('content-length')) > 3 * maxFrameLength) return tooLong();
  const onBody = (body: unknown): void => {
    if (typeof body === 'string' && body.length > maxFrameLength) return tooLong();
    isRead = true;
    const message = typeof body === 'string' ? parseRecord(body) : fields(body);
    if (message?.['type'] !== 'message' || !Array.isArray(message['content'])) {
      const text = typeof body === 'string' ? body : (JSON.stringify(body) ?? '');
      return fail(protocolError(`is no message; it ${beginning(text)}`, response));
    }
    for (const event of eventsOf(message as unknown as Message)) subscriber.next(event);
    subscriber.complete();
  };
  const reader = parsed ? undefined : response.body?.getReader();
  (parsed ?? (reader ? readText(reader, maxFrameLength) : response.text())).then(
    onBody,
    (error: unknown) => {
      // That is how the SDK reports a body that is not JSON.
      if (!(error instanceof SyntaxError)) return fail(error, 'connection');
      fail(protocolError(`is not JSON: ${error.message}`, response));
    },
  );
}

/**
 * Reads a body as text, and stops where it has more than `maxLength` UTF-16 code units: the text is then
 * longer than that, by at most a chunk.
 */
async function readText(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxLength: number,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  while (text.length <= maxLength) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}
