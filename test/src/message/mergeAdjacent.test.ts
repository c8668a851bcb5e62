import { MessageBuilder, type StreamEvent, unknownDeltas } from 'claude-rx';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeAdjacent } from '../../../src/message/mergeAdjacent.ts';
import { deepFreeze } from '../../support/deepFreeze.ts';
import {
  callStart,
  citation,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  ping,
  raw,
  reply,
  resume,
  stop,
  text,
  textStart,
  thinking,
} from '../../operators/events.ts';

const cite = (piece: string) => delta(0, { type: 'citations_delta', citation: citation(piece) });
const sign = (signature: string) => delta(0, { type: 'signature_delta', signature });

/** Merges each event with the previous one, if possible. */
function merged(events: readonly StreamEvent[]): StreamEvent[] {
  const result: StreamEvent[] = [];
  for (const event of events) {
    const before = result.at(-1);
    const one = before && mergeAdjacent(before, event);
    if (one) result[result.length - 1] = one;
    else result.push(event);
  }
  return result;
}

function built(events: readonly StreamEvent[]) {
  const builder = new MessageBuilder();
  for (const event of events) builder.push(event);
  const { message, stopped } = builder;
  return { ...message, content: message?.content.map(withFewUnknown), stopped };
}

/** Deltas that do not fit their block are in a list; joined deltas are one item of the list. */
function withFewUnknown(block: object): object {
  const deltas = (block as { [unknownDeltas]?: object[] })[unknownDeltas];
  if (deltas === undefined) return block;
  return { ...block, [unknownDeltas]: merged(deltas.map((fields) => delta(0, fields))) };
}

describe('mergeAdjacent', () => {
  it('joins text', () => {
    expect(mergeAdjacent('Hel', 'lo')).toBe('Hello');
    expect(mergeAdjacent('', '')).toBe('');
    // The halves of a surrogate pair.
    expect(mergeAdjacent('\ud83d', '\udc4d')).toBe('👍');
  });

  it.each<[string, StreamEvent, StreamEvent, StreamEvent]>([
    ['text', text(0, 'Hel'), text(0, 'lo'), text(0, 'Hello')],
    ['thinking', thinking(1, 'Hm'), thinking(1, 'm'), thinking(1, 'Hmm')],
    ['the input of a call', json(2, '{"a"'), json(2, ':1}'), json(2, '{"a":1}')],
    ['text of which one is empty', text(0, ''), text(0, 'lo'), text(0, 'lo')],
    ['pings', ping, ping, ping],
  ])('joins two deltas of %s of one block, and changes neither', (_, one, other, both) => {
    expect(mergeAdjacent(deepFreeze(one), deepFreeze(other))).toEqual(both);
  });

  it.each<[string, StreamEvent, StreamEvent]>([
    ['deltas of two blocks', text(0, 'a'), text(1, 'b')],
    ['deltas of two kinds', text(0, 'a'), thinking(0, 'b')],
    ['signatures', sign('a'), sign('b')],
    ['citations', cite('a'), cite('b')],
    ['deltas of types yet unknown', ...twice(delta(0, { type: 'vibe_delta', text: 'a' }))],
    ['deltas named like a property of all objects', ...twice(delta(0, { type: 'constructor' }))],
    ['a start and a delta', textStart(0), text(0, 'a')],
    ['a delta and a stop', text(0, 'a'), stop(0)],
    ['a delta and a ping', text(0, 'a'), ping],
    ['starts', callStart(0), callStart(0)],
    ['ends', messageDelta(), messageStop],
    ['messages', messageStart(), messageStart()],
    ['seams', resume(0), resume(0)],
    [
      'a delta and an event of another type that looks like one',
      text(0, 'a'),
      raw({ type: 'vibe_check', index: 0, delta: { type: 'text_delta', text: 'b' } }),
    ],
    ['deltas without text', ...twice(delta(0, { type: 'text_delta' }))],
    [
      'a delta with text and one without',
      text(0, 'a'),
      delta(0, { type: 'text_delta', text: null }),
    ],
    ['invalid deltas', ...twice(raw({ type: 'content_block_delta', index: 0, delta: null }))],
    ['deltas that are missing', ...twice(raw({ type: 'content_block_delta', index: 0 }))],
  ])('does not join %s', (_, one, other) => {
    expect(mergeAdjacent(one, other)).toBeUndefined();
  });

  it('builds the same message out of any reply, its own result too', () => {
    fc.assert(
      fc.property(reply, (events) => {
        const few = merged(deepFreeze(events));
        expect(built(few)).toEqual(built(events));
        expect(merged(few)).toEqual(few);
      }),
    );
  });

  it('makes one delta for each block of a plain reply', () => {
    const pieces = Array.from({ length: 1_000 }, (_, index) => text(0, `${index} `));
    const events = [messageStart(), textStart(0), ...pieces, stop(0), messageDelta(), messageStop];
    expect(merged(events)).toHaveLength(6);
  });

  it.each([
    ['numbers', 1, 2],
    ['text and an event', 'a', text(0, 'b')],
    ['an event and text', ping, 'a'],
    ['null', null, null],
    ['nothing', undefined, 'a'],
    ['objects without a type', {}, {}],
    ['objects whose type is no text', { type: 1 }, { type: 1 }],
  ])('says what to do with %s', (_, one: unknown, other: unknown) => {
    expect(() => mergeAdjacent(one, other)).toThrow(TypeError);
    expect(() => mergeAdjacent(one, other)).toThrow(/pass `merge` to merge two of them/);
  });
});

/** Two equal events. */
function twice(event: StreamEvent): [StreamEvent, StreamEvent] {
  return [event, structuredClone(event)];
}
