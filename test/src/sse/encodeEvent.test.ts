import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventDecoder } from '../../../src/sse/EventDecoder.ts';
import { type EncodableEvent, encodeEvent } from '../../../src/sse/encodeEvent.ts';

const DELTA_TYPES = [
  ['text_delta', 'text'],
  ['thinking_delta', 'thinking'],
  ['input_json_delta', 'partial_json'],
  ['text_delta', 'thinking'],
] as const;

/** A delta that JSON writes in its own way. */
class Written {
  type = 'text_delta';
  text = 'a';
  toJSON(): object {
    return { written: true };
  }
}

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

  it('writes what JSON.stringify writes, byte for byte', () => {
    const key = fc.constantFrom('text', 'thinking', 'partial_json', 'type', 'other', '0', 'toJSON');
    const content = fc.oneof(
      fc.string({ unit: 'binary' }),
      // Half surrogates, control characters, quotes.
      fc.array(fc.nat(0xffff), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
      fc.constantFrom('', '"', '\\', '\u2028', '\ud83d', '\u0000', '\u007f'),
    );
    const value = fc.oneof(content, fc.double(), fc.constantFrom(undefined, null, {}));
    const delta = fc.oneof(
      fc.tuple(fc.constantFrom(...DELTA_TYPES), content).map(([[type, name], text]) => ({
        type,
        [name]: text,
      })),
      fc.array(fc.tuple(key, value), { maxLength: 3 }).map(Object.fromEntries),
      fc.constantFrom(undefined, null, 'x', new Written()),
    );
    const index = fc.oneof(fc.nat(50), fc.double(), fc.constantFrom('0', undefined, -0));
    const fields = fc.tuple(index, delta, fc.dictionary(key, value, { maxKeys: 1 }), fc.boolean());
    fc.assert(
      fc.property(fields, ([at, part, more, isTurned]) => {
        const type = 'content_block_delta' as const;
        const event: EncodableEvent = isTurned
          ? { ...more, delta: part, index: at, type }
          : { type, index: at, delta: part, ...more, ...('type' in more && { type }) };
        expect(encodeEvent(event)).toBe(
          `event: content_block_delta\ndata: ${JSON.stringify(event)}\n\n`,
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('writes the deltas of other wires byte for byte, too', () => {
    const key = fc.constantFrom(
      'id',
      'messageId',
      'delta',
      'inputTextDelta',
      'other',
      '"',
      'toJSON',
    );
    const content = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '"', '\\', '\ud83d', '\u0000'),
    );
    const value = fc.oneof({ weight: 9, arbitrary: content }, fc.constantFrom(undefined, null, 1));
    const fields = fc.array(fc.tuple(key, value), { maxLength: 3 });
    fc.assert(
      fc.property(fields, (entries) => {
        const event = { type: 'text-delta', ...Object.fromEntries(entries) };
        expect(encodeEvent(event, { eventLine: false })).toBe(`data: ${JSON.stringify(event)}\n\n`);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    new Written(),
    Object.assign(Object.create({ more: 1 }), { type: 'text_delta', text: 'a' }),
  ])('leaves a delta with a prototype of its own to JSON.stringify', (delta) => {
    const event: { type: string } = Object.assign(
      { type: 'content_block_delta' },
      { index: 0, delta },
    );
    expect(encodeEvent(event)).toContain(`data: ${JSON.stringify(event)}\n`);
  });
});

it('writes deltas of AG-UI as JSON.stringify does, whatever their ids are', () => {
  const ids = ['a', 'a', 'b"', 'a', 'b"', 'b"'];
  const types = ['TEXT_MESSAGE_CONTENT', 'REASONING_MESSAGE_CONTENT'];
  for (const messageId of ids) {
    for (const type of types) {
      for (const delta of ['x', '"\n', '\ud83d']) {
        const event = { type, messageId, delta };
        const frame = encodeEvent(event, { eventLine: false });
        expect(frame).toBe(`data: ${JSON.stringify(event)}\n\n`);
      }
    }
  }
});
