import { LONGEST_REPEAT, type SeamConfig } from '../recovery/Seam.ts';
import { fields, isRecord, text } from './record.ts';
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

/** What a source was told of the request that a message answers: not by its event, which is copied. */
const continuations = new WeakMap<object, Continuation>();

/** What `continueFrom` said of these parameters. */
export function continuationIn(params: object): Continuation | undefined {
  return (params as { [continuation]?: Continuation })[continuation];
}

/** Remembers with an event what `continueFrom` said of the request. */
export function markContinuation(event: AnyStreamEvent, params: object): void {
  const said = continuationIn(params);
  if (said && event.type === 'message_start') continuations.set(event.message, said);
}

/** What `continueFrom` said of the request that this `message_start` answers. */
export function continuationOf(event: { type: string }): Continuation | undefined {
  const { type, message } = event as { type: string; message?: object };
  return type === 'message_start' && message ? continuations.get(message) : undefined;
}

/**
 * The event as it is sent on, with what is remembered of it: a reader who asks this server to carry
 * a reply on does not make the request, and could not join the parts as well.
 */
export function withContinuation<E extends { type: string }>(event: E): E {
  const said = continuationOf(event);
  if (!said) return event;
  // No more of the text than a seam looks at.
  const seam = { ...said.seam, sent: said.seam.sent.slice(-LONGEST_REPEAT) };
  return { ...event, claude_rx: { keep: said.keep, seam } };
}

/** Remembers with an event that was received what `withContinuation` wrote into it, and takes it out. */
export function recallContinuation(event: {
  type?: unknown;
  message?: unknown;
  claude_rx?: unknown;
}): void {
  const { type, message, claude_rx } = event;
  if (type !== 'message_start' || claude_rx === undefined) return;
  delete event.claude_rx;
  const { keep, seam } = fields(claude_rx);
  const { sent, leftOut, mayRepeat, anchor } = fields(seam);
  if (!Number.isInteger(keep) || typeof sent !== 'string' || !isRecord(message)) return;
  // As absent as they were, where they are not what they should be.
  const more = {
    leftOut: text(leftOut),
    mayRepeat: mayRepeat === true || undefined,
    anchor: text(anchor),
  };
  continuations.set(message, { keep: keep as number, seam: { sent, ...more } as SeamConfig });
}
