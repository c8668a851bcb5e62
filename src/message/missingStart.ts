import { MessageStreamError } from './MessageStreamError.ts';

/** The error of a reply that ends with `message_stop` and never had its `message_start`. */
export function missingStart(): MessageStreamError {
  return new MessageStreamError(
    'The stream had a message_stop but no message_start, so that there is no message: was it ' +
      'subscribed late, or were its events filtered?',
    { code: 'protocol' },
  );
}
