import { LONGEST_REPEAT, type SeamConfig } from '../recovery/Seam.ts';
import { fields, text } from './record.ts';
import type { AnyStreamEvent } from './StreamEvent.ts';

/** How a continuation joins the emitted content. */
export interface Continuation {
  /** The number of content blocks, from the start, that it continues. */
  keep: number;
  /** How its text joins the text of the last of these blocks. */
  seam: SeamConfig;
}

/** The key under which `continueFrom` tells `retryResumable` how to join the parts. */
export const continuation: unique symbol = Symbol.for('claude-rx.continuation');

/** The continuation that `continueFrom` stored with these parameters. */
export function continuationIn(params: object): Continuation | undefined {
  return (params as { [continuation]?: Continuation })[continuation];
}

/**
 * The event with the continuation of the request in the field `continuation` of its `message_start`.
 * The field is plain data: it survives `map`, spread, `structuredClone` and JSON, so that every reader,
 * also behind a connection, joins the reply in the same way. It has only the part of the text that a
 * seam reads.
 */
export function withContinuation<E extends AnyStreamEvent>(event: E, params: object): E {
  const said = continuationIn(params);
  if (!said || event.type !== 'message_start') return event;
  const seam = { ...said.seam, sent: said.seam.sent.slice(-LONGEST_REPEAT) };
  return { ...event, continuation: { keep: said.keep, seam } };
}

/** The continuation in this `message_start`, which may come from the network. */
export function continuationOf(event: { type: string }): Continuation | undefined {
  const { keep, seam } = fields(fields(event)['continuation']);
  const { sent, leftOut, mayRepeat, anchor } = fields(seam);
  if (!Number.isInteger(keep) || typeof sent !== 'string') return undefined;
  // Values of the wrong type count as absent.
  const more = {
    leftOut: text(leftOut),
    mayRepeat: mayRepeat === true || undefined,
    anchor: text(anchor),
  };
  return { keep: keep as number, seam: { sent, ...more } as SeamConfig };
}
