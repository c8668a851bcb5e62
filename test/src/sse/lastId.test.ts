import { EventDecoder } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeEvent } from '../../../src/sse/encodeEvent.ts';

const encoder = new TextEncoder();
const PING = 'data: {"type":"ping"}\n\n';

/** The id after these chunks, and after the end where `end` is set. */
function lastId(chunks: readonly string[], end = false): string | undefined {
  const decoder = new EventDecoder(() => {});
  try {
    for (const chunk of chunks) decoder.push(encoder.encode(chunk));
    if (end) decoder.end();
  } catch {}
  return decoder.lastId;
}

describe('lastId', () => {
  it.each([
    ['an event', `id: 2\n${PING}`, '2'],
    ['an event whose id comes last', 'data: {"type":"ping"}\nid: 2\n\n', '2'],
    ['an error frame', 'id: 2\nevent: error\ndata: {"type":"error","error":{}}\n\n', '2'],
    ['an error frame without data', 'id: 2\nevent: error\n\n', '2'],
    ['an id that is empty', `id:\n${PING}`, ''],
    ['an event without an id', PING, '1'],
  ])('is that of %s', (_, frame, id) => {
    expect(lastId([`id: 1\n${PING}`, frame])).toBe(id);
  });

  it.each([
    ['data that is not JSON', 'id: 2\ndata: {"type":"pi\n\n'],
    ['data that is no event', 'id: 2\ndata: 12\n\n'],
    ['a frame whose blank line has not come', 'id: 2\ndata: {"type":"ping"}\n'],
    ['a frame that is cut', 'id: 2\nda'],
    ['a frame without data', 'id: 2\n\n'],
    ['an id with NUL', `id: a\0b\n${PING}`],
    ['an error frame that is cut', 'id: 2\nevent: error\ndata: {"type":"err'],
  ])('is not that of %s', (_, frame) => {
    expect(lastId([`id: 1\n${PING}`, frame])).toBe('1');
    expect(lastId([`id: 1\n${PING}`, frame], true)).toBe('1');
    // A frame behind it without an id does not bring it back.
    expect(lastId([`id: 1\n${PING}`, `${frame}\n\n`, PING])).not.toBe('a\0b');
  });

  it('is that of each event while it is handed over, however the bytes are cut', () => {
    const frames = [...messageEvents.text('one two three four five six seven', { chunk: 3 })].map(
      (event, index) => `id: ${index}\n${encodeEvent(event)}`,
    );
    const bytes = encoder.encode(frames.join(''));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const seen: (string | undefined)[] = [];
        const decoder = new EventDecoder(() => seen.push(decoder.lastId));
        let from = 0;
        for (const to of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
          decoder.push(bytes.subarray(from, to));
          from = to;
          // Not ahead of what was handed over.
          expect(decoder.lastId).toBe(seen.at(-1));
        }
        expect(seen).toEqual(frames.map((_, index) => String(index)));
      }),
      { numRuns: 60 },
    );
  });
});
