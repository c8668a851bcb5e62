import { MessageStreamError } from './MessageStreamError.ts';

/** The error of a reply that ends with `message_stop` but had no `message_start`. */
export function missingStart(): MessageStreamError {
  return new MessageStreamError(
    'The stream had a message_stop but no message_start, so there is no message: subscribe before ' +
      'the first event, and do not filter events before this operator',
    { code: 'protocol' },
  );
}
