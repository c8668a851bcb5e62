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

/** What an entry of a log says. */
export interface RelayEntry<E = EncodableEvent> {
  readonly number: number;
  /** The number of the first of the entries of which this one was merged, else its own. */
  readonly first: number;
  /** How much of a text each of them brought. */
  readonly lengths?: readonly number[] | undefined;
  /** The first of a writer that took over: the number of the last entry before it. */
  readonly follows?: number | undefined;
  readonly event?: E;
  readonly ending?: Ending;
}

/** The format of entries; one of a later version is refused, and not misread. */
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
 * Writes an event, or several that were merged.
 *
 * @throws TypeError when it has no `type`, or cannot be JSON.
 */
export function encodeEventEntry(
  event: EncodableEvent,
  { follows, lengths }: Pick<RelayEntry, 'follows' | 'lengths'> = {},
): string {
  if (typeof event?.type !== 'string') {
    throw new TypeError('relay: the values of the source must be events, with a `type`');
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

/** Entries are read once, however many followers there are. */
const read = new WeakMap<LogEntry, RelayEntry>();

/**
 * Reads an entry. `isShared`: all followers on this node get this very event, so it is encoded once.
 *
 * @throws MessageStreamError with code `protocol` when it is not an entry, or has more than `maxSize` characters.
 */
export function decodeEntry<E>(entry: LogEntry, maxSize: number, isShared = false): RelayEntry<E> {
  if (entry.data.length > maxSize) {
    const why = `is too large: ${entry.data.length} characters, and ${maxSize} is the most`;
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
    throw badEntry(number, `is of another version than ${VERSION}: update this node`);
  }
  if (isForeign) throw lostEntries();
  const follows = isCount(written.follows, number) ? { follows: written.follows } : {};
  const own = { number, first: number, ...follows };
  if (written.event === undefined) return { ...own, ending: endingOf(number, written) };
  if (typeof written.event?.type !== 'string')
    throw badEntry(number, 'holds an event without type');
  const event = revived(written.event);
  if (written.lengths === undefined) return { ...own, event };
  const { lengths } = written;
  if (!areLengths(lengths, event) || lengths.length > number) {
    throw badEntry(number, 'does not say of what it was merged');
  }
  return { ...own, first: number - lengths.length + 1, lengths, event };
}

function parsed(number: number, data: string): Written {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // What is no JSON may be anything, so it is not quoted.
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
  throw badEntry(number, 'holds neither an event nor an ending');
}

/** The seam in a reply that was carried on says what broke it: that is an error again. */
function revived(event: NonNullable<Written['event']>): EncodableEvent {
  if (event.type !== 'resume') return event;
  return { ...event, error: revivedError(event['error']) ?? event['error'] };
}

/** How much of a text an event brings, where another can make it longer. */
export function lengthOf(event: EncodableEvent): number {
  return textOf(event)?.text.length ?? 0;
}

/** What of a merged entry is left for who has had all up to and including `after`. */
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
