import type { Stray } from '../message/MessageBlocks.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';

/** The error of a reply in which an input, or a stop, belongs to no block and to no call. */
export function strayInput({ index }: Stray, partial: unknown): MessageStreamError {
  return new MessageStreamError(
    `Input of a tool call came for the content block ${String(index)}, which has not started as a ` +
      'call, so a call is lost: its content_block_start is missing',
    { code: 'protocol', partial: partial as never },
  );
}
