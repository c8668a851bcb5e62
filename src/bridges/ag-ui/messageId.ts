/** Which message of which reply an id names. */
export interface MessagePlace {
  /** The reply: the same for all messages that are made of it. */
  reply: string;
  /** The position of the message in the reply. */
  position: number;
}

/**
 * The id of a message that is made of a reply. A page returns the ids of its messages, so they say which
 * messages were one reply, and in which order: a page puts results behind their call.
 */
export function messageId(runId: string, reply: number, position: number): string {
  return `${runId}.${reply}.${position}`;
}

/** What `messageId` has written; `undefined` for any other id. */
export function placeOf(id: string): MessagePlace | undefined {
  const [, reply, position] = /^(.+\.\d{1,9})\.(\d{1,9})$/s.exec(id) ?? [];
  return reply === undefined ? undefined : { reply, position: Number(position) };
}

/** The id of the run that a reply is of. */
export function runOf(reply: string): string {
  return reply.slice(0, reply.lastIndexOf('.'));
}
