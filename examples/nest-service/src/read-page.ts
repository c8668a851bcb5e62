import { BadRequestException } from '@nestjs/common';

/** Reads what a page has sent; what cannot be read is the page's mistake. */
export function readPage<Sent, Read>(read: (sent: Sent) => Read, sent: Sent): Read {
  try {
    return read(sent);
  } catch (error) {
    throw new BadRequestException(error instanceof TypeError ? error.message : 'invalid input');
  }
}
