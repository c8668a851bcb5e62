import { MessageStreamError } from './MessageStreamError.ts';

/**
 * The longest frame, line or whole message that is read by default: 64 MiB of ASCII. Those of the API
 * are far shorter; one without an end would fill the memory.
 */
export const MAX_FRAME_LENGTH: number = 64 * 1024 * 1024;

/** The error of a source that was sent more at once than `maxFrameLength` allows. */
export function frameTooLong(what: string, maxFrameLength: number): MessageStreamError {
  return new MessageStreamError(
    `${what} of more than ${maxFrameLength} characters: raise \`maxFrameLength\` if ` +
      'that is what the server means to send',
    { code: 'protocol' },
  );
}
