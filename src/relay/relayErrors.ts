import { MessageStreamError } from '../message/MessageStreamError.ts';

/** There is no log of this id. */
export function unknownReply(id: string): MessageStreamError {
  return new MessageStreamError(
    `There is no reply ${shown(id)}: it has expired, or the id is wrong`,
    { code: 'request', status: 404, errorType: 'not_found_error' },
  );
}

/** An id that is given a second time. */
export function knownReply(id: string): MessageStreamError {
  return new MessageStreamError(`There is a reply ${shown(id)} already: a new one needs a new id`, {
    code: 'request',
    status: 409,
  });
}

/** An offset that no event of this reply has. */
export function wrongOffset(id: string): MessageStreamError {
  return new MessageStreamError(
    `Unknown offset of the reply ${shown(id)}: pass the offset of one of its events, or no offset`,
    { code: 'request', status: 400 },
  );
}

/** A reply whose writer has gone. */
export function lostWriter(): MessageStreamError {
  return new MessageStreamError(
    'The node that was writing this reply has gone, and none carries it on; what arrived is in `partial`',
    { code: 'connection', retryable: true },
  );
}

/** A node that shuts down. */
export function closedRelay(): MessageStreamError {
  return new MessageStreamError('This relay was closed: another node has the reply', {
    code: 'connection',
    retryable: true,
  });
}

/** A store that does not answer. */
export function unreachableStore(cause: unknown): MessageStreamError {
  return new MessageStreamError('The store of the relay could not be reached', {
    code: 'connection',
    retryable: true,
    cause,
  });
}

/** A store that has less than it had. */
export function lostEntries(): MessageStreamError {
  return new MessageStreamError(
    'The store of the relay has lost entries that it had acknowledged, or another client has changed the log: see its durability, and who may write to it',
    { code: 'protocol' },
  );
}

/** A log that was there, and is not any more. */
export function droppedLog(id: string): MessageStreamError {
  return new MessageStreamError(
    `The store of the relay has dropped the log of the reply ${shown(id)}: it was evicted or deleted, or its \`ttl\` is over`,
    { code: 'protocol' },
  );
}

/** An entry that no relay has written, or a later version of it. */
export function badEntry(number: number, why: string): MessageStreamError {
  return new MessageStreamError(`Entry ${number} of the log ${why}`, { code: 'protocol' });
}

/** A person has pressed Stop. */
export function stoppedReply(reason?: string): MessageStreamError {
  return new MessageStreamError(
    reason === undefined ? 'The reply was stopped' : `The reply was stopped: ${reason}`,
    { code: 'aborted', cause: reason },
  );
}

function shown(id: string): string {
  return JSON.stringify(id.slice(0, 80));
}
