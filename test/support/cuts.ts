import { isDeepStrictEqual } from 'node:util';
import { EventDecoder, type AnyStreamEvent } from 'claude-rx';
import { encodeEvent } from '../../src/sse/encodeEvent.ts';

export const lineEndings: Record<string, '\n' | '\r\n' | '\r'> = {
  LF: '\n',
  CRLF: '\r\n',
  CR: '\r',
};

/** The bytes that a server writes for these events. */
export function bytesOf(events: readonly AnyStreamEvent[], lineEnding: '\n' | '\r\n' | '\r') {
  const text = events.map((event) => encodeEvent(event, { lineEnding })).join('');
  return new TextEncoder().encode(text);
}

/** The events that an EventDecoder finds in these chunks. */
export function decode(chunks: Iterable<Uint8Array>): AnyStreamEvent[] {
  const events: AnyStreamEvent[] = [];
  const decoder = new EventDecoder((event) => events.push(event));
  for (const chunk of chunks) decoder.push(chunk);
  decoder.end();
  return events;
}

/** The bytes in pieces, cut before each of the given positions. */
export function cutAt(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const ends = [...positions, bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/** The ways to cut these bytes in two, at every position or at every `stride`-th. */
export function cutsInTwo(bytes: Uint8Array, stride = 1): number[][] {
  const length = Math.floor(bytes.length / stride) + 1;
  return Array.from({ length }, (_, index) => [index * stride]);
}

/**
 * Those of the ways to cut the bytes that give other events than the bytes in one piece.
 *
 * `JSON.parse` remembers what it gave for a text while this runs: so equal events are the same
 * object, and comparing them costs little beside the decoding.
 */
export function badChunkings(bytes: Uint8Array, chunkings: Iterable<number[]>): number[][] {
  const { parse } = JSON;
  const known = new Map<string, unknown>();
  JSON.parse = (text: string) => {
    if (!known.has(text)) known.set(text, parse(text));
    return known.get(text);
  };
  try {
    const whole = decode([bytes]);
    return [...chunkings].filter((positions) => !isSame(decode(cutAt(bytes, positions)), whole));
  } finally {
    JSON.parse = parse;
  }
}

function isSame(some: readonly AnyStreamEvent[], others: readonly AnyStreamEvent[]): boolean {
  if (some.length !== others.length) return false;
  return some.every((event, index) => {
    const other = others[index]!;
    if (event === other || (event.type === 'ping' && other.type === 'ping')) return true;
    // Deltas may come without a JSON.parse of the whole frame.
    return event.type === 'content_block_delta' && isDeepStrictEqual(event, other);
  });
}
