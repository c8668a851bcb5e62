import { LONGEST_REPEAT, type SeamConfig } from '../recovery/Seam.ts';
import { fields, text } from './record.ts';
import type { AnyStreamEvent } from './StreamEvent.ts';

/** How a continuation joins what was shown. */
export interface Continuation {
  /** The number of content blocks, from the start, that it goes on from. */
  keep: number;
  /** How its text joins the text of the last of them. */
  seam: SeamConfig;
}

/** The key under which `continueFrom` tells `retryResumable` how the parts are to be joined. */
export const continuation: unique symbol = Symbol.for('claude-rx.continuation');

/** What `continueFrom` said of these parameters. */
export function continuationIn(params: object): Continuation | undefined {
  return (params as { [continuation]?: Continuation })[continuation];
}

/**
 * The event, with what `continueFrom` said of the request in the field `continuation` of its
 * `message_start`. A plain field: it survives `map`, spread, `structuredClone` and JSON, so that
 * every reader, here or behind a connection, joins it alike. It has no more of the text
 * than a seam looks at.
 */
export function withContinuation<E extends AnyStreamEvent>(event: E, params: object): E {
  const said = continuationIn(params);
  if (!said || event.type !== 'message_start') return event;
  const seam = { ...said.seam, sent: said.seam.sent.slice(-LONGEST_REPEAT) };
  return { ...event, continuation: { keep: said.keep, seam } };
}

/** What this `message_start` says of how it joins what was shown; it may have come over a wire. */
export function continuationOf(event: { type: string }): Continuation | undefined {
  const { keep, seam } = fields(fields(event)['continuation']);
  const { sent, leftOut, mayRepeat, anchor } = fields(seam);
  if (!Number.isInteger(keep) || typeof sent !== 'string') return undefined;
  // As absent as they were, where they are not what they should be.
  const more = {
    leftOut: text(leftOut),
    mayRepeat: mayRepeat === true || undefined,
    anchor: text(anchor),
  };
  return { keep: keep as number, seam: { sent, ...more } as SeamConfig };
}
