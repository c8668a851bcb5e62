import { errorFrame, fromErrorFrame, revivedError } from '../message/errorFrame.ts';
import { textFieldOf } from '../message/mergeAdjacent.ts';
import type { MessageStreamError } from '../message/MessageStreamError.ts';
import { type EncodableEvent, shareFrame } from '../sse/encodeEvent.ts';
import { badEntry, lostEntries } from './relayErrors.ts';
import type { LogEntry } from './RelayStore.ts';

/** How a reply ended. */
export type Ending =
  | { readonly state: 'complete' }
  | { readonly state: 'error'; readonly error: MessageStreamError }
  | { readonly state: 'stopped'; readonly reason?: string | undefined };

/** A decoded entry of a log: an event or the ending. */
export interface RelayEntry<E = EncodableEvent> {
  readonly number: number;
  /** The number of the first of the merged entries; for an entry that was not merged, its own number. */
  readonly first: number;
  /** The text length of each of the merged entries. */
  readonly lengths?: readonly number[] | undefined;
  /** In the first entry of a writer that took over: the number of the entry before it. */
  readonly follows?: number | undefined;
  readonly event?: E;
  readonly ending?: Ending;
}

/** The version of the format of entries. Other versions are refused. */
const VERSION = 1;

interface Written {
  v?: unknown;
  event?: Record<string, unknown> & { type: string };
  lengths?: unknown;
  follows?: unknown;
  end?: unknown;
  error?: unknown;
  reason?: unknown;
}

/**
 * Encodes an event, or several merged events.
 *
 * @throws TypeError when the event has no `type`, or cannot be converted to JSON.
 */
export function encodeEventEntry(
  event: EncodableEvent,
  { follows, lengths }: Pick<RelayEntry, 'follows' | 'lengths'> = {},
): string {
  if (typeof event?.type !== 'string') {
    throw new TypeError('relay: the values of the source must be events with a `type`, a string');
  }
  return JSON.stringify({ v: VERSION, follows, lengths, event });
}

export function encodeEnding(ending: Ending, follows?: number): string {
  const { state } = ending;
  return JSON.stringify({
    v: VERSION,
    follows,
    end: state,
    ...(state === 'error' && { error: errorFrame(ending.error) }),
    ...(state === 'stopped' && { reason: ending.reason }),
  });
}

/** Entries are decoded once for all readers. */
const read = new WeakMap<LogEntry, RelayEntry>();

/**
 * Decodes an entry. `isShared`: all readers on this node get this event object, so it is encoded once.
 *
 * @throws MessageStreamError with code `protocol` when it is not an entry, or has more than `maxSize` characters.
 */
export function decodeEntry<E>(entry: LogEntry, maxSize: number, isShared = false): RelayEntry<E> {
  if (entry.data.length > maxSize) {
    const why = `is too large: it has ${entry.data.length} characters, and the limit is ${maxSize}`;
    throw badEntry(entry.number, why);
  }
  let known = read.get(entry);
  if (known === undefined) {
    read.set(entry, (known = decode(entry)));
    if (isShared && known.event) shareFrame(known.event);
  }
  return known as RelayEntry<E>;
}

function decode({ number, data, isForeign = false }: LogEntry): RelayEntry {
  const written = parsed(number, data);
  if (written.v !== VERSION) {
    throw badEntry(number, `has another version than ${VERSION}: update claude-rx on this node`);
  }
  if (isForeign) throw lostEntries();
  const follows = isCount(written.follows, number) ? { follows: written.follows } : {};
  const own = { number, first: number, ...follows };
  if (written.event === undefined) return { ...own, ending: endingOf(number, written) };
  if (typeof written.event?.type !== 'string')
    throw badEntry(number, 'has an event without a `type`');
  const event = revived(written.event);
  if (written.lengths === undefined) return { ...own, event };
  const { lengths } = written;
  if (!areLengths(lengths, event) || lengths.length > number) {
    throw badEntry(number, 'has invalid `lengths` of merged entries');
  }
  return { ...own, first: number - lengths.length + 1, lengths, event };
}

function parsed(number: number, data: string): Written {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // The content is not JSON and may be anything, so the error does not quote it.
  }
  throw badEntry(number, 'was not written by a relay');
}

function endingOf(number: number, { end, error, reason }: Written): Ending {
  switch (end) {
    case 'complete':
      return { state: 'complete' };
    case 'stopped':
      return { state: 'stopped', reason: typeof reason === 'string' ? reason : undefined };
    case 'error': {
      const said = fromErrorFrame(error);
      if (said) return { state: 'error', error: said };
    }
  }
  throw badEntry(number, 'has neither an event nor an ending');
}

/** Restores the error in a `resume` event. */
function revived(event: NonNullable<Written['event']>): EncodableEvent {
  if (event.type !== 'resume') return event;
  return { ...event, error: revivedError(event['error']) ?? event['error'] };
}

/** The text length of an event that can be merged; else 0. */
export function lengthOf(event: EncodableEvent): number {
  return textOf(event)?.text.length ?? 0;
}

/** The rest of a merged entry for a reader that has all entries up to and including `after`. */
export function restOf<E extends EncodableEvent>(entry: RelayEntry<E>, after: number): E {
  const { event, lengths = [], first } = entry as Required<RelayEntry<E>>;
  const had = lengths.slice(0, Math.max(0, after - first + 1)).reduce((sum, one) => sum + one, 0);
  const told = textOf(event);
  if (had === 0 || told === undefined) return event;
  const { delta, field, text } = told;
  return { ...event, delta: { ...delta, [field]: text.slice(had) } };
}

function textOf(
  event: EncodableEvent,
): { delta: Record<string, unknown>; field: string; text: string } | undefined {
  const field = textFieldOf(event);
  if (field === undefined) return undefined;
  const { delta } = event as unknown as { delta: Record<string, unknown> };
  const text = delta[field];
  return typeof text === 'string' ? { delta, field, text } : undefined;
}

function areLengths(lengths: unknown, event: EncodableEvent): lengths is number[] {
  if (!Array.isArray(lengths) || lengths.length === 0) return false;
  const most = lengthOf(event);
  return (
    lengths.every((length) => isCount(length, most + 1)) &&
    lengths.reduce((sum, length) => sum + length, 0) === most
  );
}

function isCount(value: unknown, below: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < below;
}
