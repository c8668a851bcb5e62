import { MessageStreamError } from '../message/MessageStreamError.ts';

/**
 * The error for an input that was used before and cannot be used twice.
 *
 * @param used the input and how it was used, such as `'stream has been subscribed'`
 * @param remedy the rest of `pass a function that ...`
 */
export function consumed(used: string, remedy: string): MessageStreamError {
  return new MessageStreamError(
    `This ${used} already. To subscribe more than once, pass a function that ${remedy}`,
    { code: 'request' },
  );
}
