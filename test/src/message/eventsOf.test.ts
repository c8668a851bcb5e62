import fc from 'fast-check';
import {
  eventsOf,
  MessageBuilder,
  unfinishedInput,
  unknownDeltas,
  type BetaStreamEvent,
  type MessageOf,
} from 'claude-rx';
import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../../support/deepFreeze.ts';
import { recordings, repliesOf } from '../../support/recordings.ts';
import { places, rounds } from '../../support/rounds.ts';

type BetaMessage = MessageOf<BetaStreamEvent>;

function build(...events: BetaStreamEvent[]): BetaMessage {
  const builder = new MessageBuilder<BetaStreamEvent>();
  for (const event of events) builder.push(event);
  return builder.message!;
}

const message = (fields: object = {}) =>
  deepFreeze({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 20 },
    ...fields,
  }) as unknown as BetaMessage;

function types(events: BetaStreamEvent[]): string[] {
  return events.map((event) => ('index' in event ? `${event.type} ${event.index}` : event.type));
}

const TOOL = { type: 'tool_use', id: 'toolu_1', name: 'search', input: {} };

describe('eventsOf gives events that build the message again', () => {
  for (const recording of recordings) {
    repliesOf(recording).forEach((events, index) => {
      const title = `${recording.name}, reply ${index + 1}`;

      it(`${title}, whole`, () => {
        const final = build(...events);
        expect(build(...eventsOf<BetaStreamEvent>(final))).toStrictEqual(final);
      });

      it(`${title}, left open anywhere and carried on with the rest`, () => {
        const final = build(...events);
        for (const before of places(events.length - 1)) {
          const seen = before + 1;
          const partial = build(...events.slice(0, seen));
          const again = eventsOf<BetaStreamEvent>(partial, { open: true });
          expect(build(...again, ...events.slice(seen))).toStrictEqual(final);
        }
      });
    });
  }

  // oxfmt-ignore
  const cases: [title: string, fields: object][] = [
    ['without content', {}],
    ['with text', { content: [{ type: 'text', text: 'Hi', citations: null }] }],
    ['with empty text', { content: [{ type: 'text', text: '' }] }],
    ['with citations', { content: [{ type: 'text', text: 'Hi', citations: [{ n: 1 }, { n: 2 }] }] }],
    ['with an empty list of citations', { content: [{ type: 'text', text: 'Hi', citations: [] }] }],
    ['with thinking', { content: [{ type: 'thinking', thinking: 'Hm', signature: 's' }] }],
    ['with thinking that is not shown', { content: [{ type: 'thinking', thinking: '', signature: 's' }] }],
    ['with thinking without a signature', { content: [{ type: 'thinking', thinking: 'Hm' }] }],
    ['with redacted thinking', { content: [{ type: 'redacted_thinking', data: 'x' }] }],
    ['with a tool call', { content: [{ ...TOOL, input: { a: ['é', { b: null }] } }] }],
    ['with a tool call without input', { content: [TOOL] }],
    ['with a tool call whose input is cut', { content: [{ ...TOOL, [unfinishedInput]: '{"a' }] }],
    ['with a fallback', { model: 'b', content: [{ type: 'fallback', from: { model: 'a' }, to: { model: 'b' } }] }],
    ['with a compaction', { content: [{ type: 'compaction', content: null, encrypted_content: 'x' }] }],
    ['with deltas yet unknown', { content: [{ type: 'text', text: 'Hi', [unknownDeltas]: [{ type: 'later' }] }] }],
    ['with blocks and fields yet unknown', { content: [{ type: 'later', n: 1 }], later: 1 }],
    ['with all that is said at its end', { stop_reason: 'refusal', stop_sequence: '#', stop_details: { type: 'refusal' }, container: { id: 'c' }, context_management: { applied_edits: [] } }],
    ['that has not ended', { stop_reason: null }],
  ];
  it.each(cases)('%s', (_, fields) => {
    expect(build(...eventsOf<BetaStreamEvent>(message(fields)))).toStrictEqual(message(fields));
  });

  it('of which fields are absent', () => {
    const bare = { id: 'm', content: [{ type: 'text', text: 'Hi' }] } as BetaMessage;
    expect(build(...eventsOf<BetaStreamEvent>(bare))).toStrictEqual(bare);
  });

  const string = fc.string({ unit: 'binary' });
  const json = fc.jsonValue({ stringUnit: 'binary' });
  const block = fc.oneof(
    fc.record({
      type: fc.constant('text'),
      text: string,
      citations: fc.constantFrom(null, [], [{ n: 1 }]),
    }),
    fc.record({ type: fc.constant('thinking'), thinking: string, signature: string }),
    fc.record({ type: fc.constant('tool_use'), id: string, name: string, input: json }),
    fc.record({
      type: fc.constant('server_tool_use'),
      id: string,
      input: fc.dictionary(string, json),
    }),
    fc.record({ type: fc.constant('web_search_tool_result'), content: json }),
    fc.record({ type: fc.constant('later'), later: json }),
  );
  const anyMessage = fc
    .record({
      content: fc.array(block),
      stop_reason: fc.constantFrom('end_turn', 'tool_use', 'max_tokens', null),
      stop_details: fc.option(fc.record({ type: fc.constant('refusal') })),
      usage: fc.dictionary(string, fc.nat()),
    })
    // As from the network: a plain object without -0.
    .map((fields) => message(JSON.parse(JSON.stringify(fields))));

  it('for any message', () => {
    fc.assert(
      fc.property(anyMessage, (one) => {
        expect(build(...eventsOf<BetaStreamEvent>(one))).toStrictEqual(one);
      }),
      { numRuns: rounds(500) },
    );
  });
});

describe('eventsOf gives', () => {
  const full = message({
    stop_details: null,
    content: [
      { type: 'text', text: 'Hi' },
      { ...TOOL, input: { a: 1 } },
    ],
  });
  it('the shortest valid run of events', () => {
    const events = eventsOf<BetaStreamEvent>(full);
    expect(types(events)).toEqual([
      'message_start',
      'content_block_start 0',
      'content_block_delta 0',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1',
      'content_block_stop 1',
      'message_delta',
      'message_stop',
    ]);
    expect(events[0]).toStrictEqual({
      type: 'message_start',
      message: { ...full, content: [], stop_reason: null },
    });
    expect(events[7]).toStrictEqual({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null, stop_details: null },
      usage: full.usage,
    });
  });

  it('no end of a message that is left open', () => {
    const events = eventsOf<BetaStreamEvent>({ ...full, stop_reason: null }, { open: true });
    expect(types(events)).toEqual(types(eventsOf<BetaStreamEvent>(full)).slice(0, 6));
  });

  it('no input of a call that is left open and may not have had any yet', () => {
    const begun = message({ stop_reason: null, content: [TOOL] });
    const events = eventsOf<BetaStreamEvent>(begun, { open: true });
    expect(types(events)).toEqual(['message_start', 'content_block_start 0']);
    const delta = { type: 'input_json_delta', partial_json: '{"a":1}' } as const;
    events.push({ type: 'content_block_delta', index: 0, delta }, { type: 'message_stop' });
    expect(build(...events).content).toStrictEqual([{ ...TOOL, input: { a: 1 } }]);
  });

  it('message_delta of one that is left open after it', () => {
    const events = eventsOf<BetaStreamEvent>(full, { open: true });
    expect(types(events)).toEqual(types(eventsOf<BetaStreamEvent>(full)).slice(0, 8));
  });
});
