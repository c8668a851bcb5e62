import type { Stray } from '../message/MessageBlocks.ts';
import { MessageStreamError } from '../message/MessageStreamError.ts';

/** The error of a reply in which an input, or a stop, belongs to no block, and to none of the calls. */
export function strayInput({ index }: Stray, partial: unknown): MessageStreamError {
  return new MessageStreamError(
    `Input of a tool call came for the content block ${String(index)}, which has not started as a ` +
      'call, so that a call is lost: was its content_block_start left out?',
    { code: 'protocol', partial: partial as never },
  );
}
