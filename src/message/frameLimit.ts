import { MessageStreamError } from './MessageStreamError.ts';

/**
 * The longest frame, line or whole message that is read by default: 64 MiB of ASCII. The API sends far
 * shorter ones; a frame without an end would fill the memory.
 */
export const MAX_FRAME_LENGTH: number = 64 * 1024 * 1024;

/** The error for a frame, line or message that is longer than `maxFrameLength`. */
export function frameTooLong(what: string, maxFrameLength: number): MessageStreamError {
  return new MessageStreamError(
    `${what} of more than ${maxFrameLength} characters: if the server really sends that much, ` +
      'raise `maxFrameLength`',
    { code: 'protocol' },
  );
}
