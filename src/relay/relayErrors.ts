import { MessageStreamError } from '../message/MessageStreamError.ts';

/** There is no log with this id. */
export function unknownReply(id: string): MessageStreamError {
  return new MessageStreamError(
    `There is no reply ${shown(id)}: it has expired, or the id is wrong`,
    { code: 'request', status: 404, errorType: 'not_found_error' },
  );
}

/** An id that is in use. */
export function knownReply(id: string): MessageStreamError {
  return new MessageStreamError(`There is already a reply ${shown(id)}: choose another id`, {
    code: 'request',
    status: 409,
  });
}

/** An offset that this reply does not have. */
export function wrongOffset(id: string): MessageStreamError {
  return new MessageStreamError(
    `Unknown offset of the reply ${shown(id)}: pass the offset of one of its events, or no offset`,
    { code: 'request', status: 400 },
  );
}

/** A reply whose writer has died. */
export function lostWriter(): MessageStreamError {
  return new MessageStreamError(
    'The node that wrote this reply has died, and no node has taken over; what arrived is in `partial`',
    { code: 'connection', retryable: true },
  );
}

/** A relay that was closed by `close()`. */
export function closedRelay(): MessageStreamError {
  return new MessageStreamError(
    'The relay of this node was closed: follow the reply on another node',
    {
      code: 'connection',
      retryable: true,
    },
  );
}

/** A store that is unavailable. */
export function unreachableStore(cause: unknown): MessageStreamError {
  return new MessageStreamError('The store of the relay is unavailable: see `cause`', {
    code: 'connection',
    retryable: true,
    cause,
  });
}

/** A store that has lost entries. */
export function lostEntries(): MessageStreamError {
  return new MessageStreamError(
    'The store of the relay has lost acknowledged entries, or another client has changed the log: check its durability settings, and which clients may write to it',
    { code: 'protocol' },
  );
}

/** A log that has disappeared. */
export function droppedLog(id: string): MessageStreamError {
  return new MessageStreamError(
    `The store of the relay no longer has the log of the reply ${shown(id)}: it was evicted or deleted, or its \`ttl\` has passed`,
    { code: 'protocol' },
  );
}

/** An entry that this version of the relay cannot read. */
export function badEntry(number: number, why: string): MessageStreamError {
  return new MessageStreamError(`Entry ${number} of the log ${why}`, { code: 'protocol' });
}

/** A reply that was stopped by `relay.stop`. */
export function stoppedReply(reason?: string): MessageStreamError {
  return new MessageStreamError(
    reason === undefined ? 'The reply was stopped' : `The reply was stopped: ${reason}`,
    { code: 'aborted', cause: reason },
  );
}

function shown(id: string): string {
  return JSON.stringify(id.slice(0, 80));
}
