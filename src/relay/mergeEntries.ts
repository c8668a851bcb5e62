import { mergeAdjacent } from '../message/mergeAdjacent.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import { lengthOf, type RelayEntry } from './RelayEntry.ts';

/** The maximum length of the text in a merged event, in characters. */
const LONGEST = 65_536;

/**
 * Merges adjacent entries: deltas of the same type and block become one delta.
 *
 * A merged entry has the number of the last entry, and stores the text length of each entry. So `restOf`
 * can return the rest to a reader that has some of the entries.
 */
export function mergeEntries<E extends EncodableEvent>(
  entries: readonly RelayEntry<E>[],
): RelayEntry<E>[] {
  const merged: RelayEntry<E>[] = [];
  let lengths: number[] = [];
  let length = 0;
  for (const entry of entries) {
    const last = merged.at(-1);
    const own = entry.event === undefined ? 0 : lengthOf(entry.event);
    const event = length + own <= LONGEST ? together(last, entry) : undefined;
    if (event === undefined) {
      lengths = lengthsOf(entry);
      length = own;
      merged.push(entry);
    } else {
      for (const one of lengthsOf(entry)) lengths.push(one);
      length += own;
      merged[merged.length - 1] = { ...last!, number: entry.number, event, lengths };
    }
  }
  return merged;
}

/** The first entry of a writer that took over is not merged, because it names the entry before it. */
function together<E extends EncodableEvent>(
  last: RelayEntry<E> | undefined,
  { event, first, follows }: RelayEntry<E>,
): E | undefined {
  if (!last?.event || !event || last.follows !== undefined || follows !== undefined)
    return undefined;
  return first === last.number + 1 ? mergeAdjacent(last.event, event) : undefined;
}

function lengthsOf({ event, lengths }: RelayEntry<EncodableEvent>): number[] {
  return lengths ? [...lengths] : event ? [lengthOf(event)] : [];
}
