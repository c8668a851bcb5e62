import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventDecoder } from '../../../src/sse/EventDecoder.ts';
import { encodeEvent } from '../../../src/sse/encodeEvent.ts';

describe('encodeEvent', () => {
  it('writes the type, the data and an empty line', () => {
    expect(encodeEvent({ type: 'ping' })).toBe('event: ping\ndata: {"type":"ping"}\n\n');
  });

  it('leaves the event line out when told to', () => {
    expect(encodeEvent({ type: 'ping' }, { eventLine: false })).toBe('data: {"type":"ping"}\n\n');
  });

  it.each(['\n', '\r\n', '\r'] as const)('ends its lines with %j', (lineEnding) => {
    const frame = encodeEvent({ type: 'ping' }, { lineEnding });
    expect(frame).toBe(`event: ping${lineEnding}data: {"type":"ping"}${lineEnding}${lineEnding}`);
  });

  it('refuses an event without a type, and a type that would begin a line of its own', () => {
    expect(() => encodeEvent({} as never)).toThrow(TypeError);
    expect(() => encodeEvent({ type: 'a\ndata: {}' })).toThrow(/type of one line/);
  });

  it('is read back as the same event, whatever is in it and whichever way it is written', () => {
    const options = fc.record({
      lineEnding: fc.constantFrom('\n' as const, '\r\n' as const, '\r' as const),
      eventLine: fc.boolean(),
    });
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.array(text), options, (texts, choice) => {
        const events = texts.map((piece, index) => ({
          type: 'content_block_delta' as const,
          index,
          delta: { type: 'text_delta' as const, text: piece },
        }));
        const read: unknown[] = [];
        const decoder = new EventDecoder((event) => read.push(event));
        const frames = events.map((event) => encodeEvent(event, choice)).join('');
        decoder.push(new TextEncoder().encode(frames));
        decoder.end();
        expect(read).toStrictEqual(events);
      }),
    );
  });
});
