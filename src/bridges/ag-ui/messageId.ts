/** The reply and the position that the id of a message stands for. */
export interface MessagePlace {
  /** The id of the reply: the same for all of its messages. */
  reply: string;
  /** The position of the message in the reply. */
  position: number;
}

/**
 * The id of a message of a reply. A page returns the ids of its messages, so the ids tell which messages
 * belong to one reply, and in which order: a page moves results behind their call.
 */
export function messageId(runId: string, reply: number, position: number): string {
  return `${runId}.${reply}.${position}`;
}

/** Reads an id of `messageId`; `undefined` for any other id. */
export function placeOf(id: string): MessagePlace | undefined {
  const [, reply, position] = /^(.+\.\d{1,9})\.(\d{1,9})$/s.exec(id) ?? [];
  return reply === undefined ? undefined : { reply, position: Number(position) };
}

/** The id of the run that the reply belongs to. */
export function runOf(reply: string): string {
  return reply.slice(0, reply.lastIndexOf('.'));
}
