import { MessageStreamError } from '../message/MessageStreamError.ts';
import { parseRecord } from '../message/record.ts';
import { fromApiError } from '../message/toMessageStreamError.ts';

/** As many characters of a body that is not understood are shown. */
const SHOWN = 200;

/** The error of a response whose body begins like `text`, and is no event stream. */
export function bodyError(text: string, response: Response): MessageStreamError {
  const { ok, status, headers } = response;
  const body = parseRecord(text);
  if (!ok) return fromApiError({ body: body ?? { error: text.slice(0, SHOWN) }, status, headers });
  if (body?.['type'] === 'error' || body?.['error']) return fromApiError({ body, headers });
  if (body?.['type'] === 'message') {
    return protocolError('is a whole message: send the request with `stream: true`', response);
  }
  return protocolError(`is no event stream; it ${beginning(text)}`, response, text === '');
}

/** The error of a response that is fine but for its body. */
export function protocolError(
  problem: string,
  { headers, status }: Response,
  isEmpty = false,
): MessageStreamError {
  const type = headers.get('content-type') ?? 'no content type';
  return new MessageStreamError(`The body of the response (${status}, ${type}) ${problem}`, {
    code: 'protocol',
    // An empty event stream is a server that gave up, not one that speaks another language.
    retryable: isEmpty && type.includes('event-stream'),
    status,
  });
}

/** How a body begins, to be said in an error. */
export function beginning(text: string): string {
  return text === '' ? 'is empty' : `begins with ${JSON.stringify(text.slice(0, SHOWN))}`;
}

/** The error of a response whose body cannot be read as it arrives. */
export function bodyless(response: Response): MessageStreamError {
  return protocolError(
    'cannot be read as a stream. The `fetch` of React Native has no streams: use that of `expo/fetch`',
    response,
  );
}
