import { MessageBuilder, type MessageOf, type StreamEvent } from 'claude-rx';
import { messageEvents, type MessageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { from, lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';

function built(events: Iterable<StreamEvent>): MessageOf<StreamEvent> {
  const builder = new MessageBuilder();
  for (const event of events) builder.push(event);
  expect(builder.stopped).toBe(true);
  return builder.message!;
}

const deltas = (events: Iterable<StreamEvent>) =>
  [...events].flatMap((event) => (event.type === 'content_block_delta' ? [event.delta] : []));

const types = (events: Iterable<StreamEvent>) => [...events].map((event) => event.type);

const CITATION = {
  type: 'char_location' as const,
  cited_text: 'The sky is blue.',
  document_index: 0,
  document_title: null,
  file_id: null,
  start_char_index: 0,
  end_char_index: 16,
};

describe('messageEvents', () => {
  it('builds one valid reply', () => {
    expect([...messageEvents.text('Hello', { chunk: 3 })]).toStrictEqual([
      {
        type: 'message_start',
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'claude-opus-5-5',
          content: [],
          container: null,
          diagnostics: null,
          stop_details: null,
          stop_reason: null,
          stop_sequence: null,
          usage: {
            cache_creation: null,
            cache_creation_input_tokens: null,
            cache_read_input_tokens: null,
            inference_geo: null,
            input_tokens: 25,
            output_tokens: 1,
            output_tokens_details: null,
            server_tool_use: null,
            service_tier: null,
            speed: null,
          },
        },
      },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'text', text: '', citations: null },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: {
          container: null,
          stop_details: null,
          stop_reason: 'end_turn',
          stop_sequence: null,
        },
        usage: {
          cache_creation_input_tokens: null,
          cache_read_input_tokens: null,
          input_tokens: 25,
          output_tokens: 2,
          output_tokens_details: null,
          server_tool_use: null,
        },
      },
      { type: 'message_stop' },
    ]);
  });

  it('can be iterated several times with from()', async () => {
    const reply = messageEvents.text('Hi');
    expect(await lastValueFrom(from(reply).pipe(toArray()))).toStrictEqual([...reply]);
  });

  it('makes new objects in each run, so that a helper may write into them', () => {
    const reply = messageEvents.text('Hi', { citations: [CITATION] }).block({ type: 'a', b: [1] });
    const first = [...reply];
    for (const [index, event] of [...reply].entries()) expect(event).not.toBe(first[index]);
    const [start] = first;
    if (start?.type === 'message_start') start.message.content.push({} as never);
    expect(built(reply).content).toHaveLength(2);
  });

  it('does not change the previous reply', () => {
    const one = messageEvents.text('One');
    const two = one.text('Two').with({ id: 'msg_two' });
    expect(built(one)).toMatchObject({ id: 'msg_1', content: [{ text: 'One' }] });
    expect(built(two)).toMatchObject({
      id: 'msg_two',
      content: [{ text: 'One' }, { text: 'Two' }],
    });
    expect(types(messageEvents)).toEqual(['message_start', 'message_delta', 'message_stop']);
  });

  it('copies what it is given', () => {
    const input = { city: 'Paris' };
    const block = { type: 'container_upload', file_id: 'file_1' };
    const citations = [{ ...CITATION }];
    const reply = messageEvents.toolUse('weather', input).block(block).text('Hi', { citations });
    const before = [...reply];
    input.city = 'Rome';
    block.file_id = 'file_2';
    citations[0]!.cited_text = 'other';
    expect([...reply]).toStrictEqual(before);
  });

  it('numbers the blocks without a gap, whatever they are', () => {
    const reply = messageEvents
      .thinking('Hm.')
      .redactedThinking('c2VjcmV0')
      .ping()
      .text('Let me see.')
      .toolUse('one')
      .toolUse('two', { a: 1 }, { id: 'toolu_own' });
    expect(built(reply).content).toStrictEqual([
      { type: 'thinking', thinking: 'Hm.', signature: 'c2lnbmF0dXJl' },
      { type: 'redacted_thinking', data: 'c2VjcmV0' },
      { type: 'text', text: 'Let me see.', citations: null },
      { type: 'tool_use', id: 'toolu_3', name: 'one', input: {}, caller: { type: 'direct' } },
      {
        type: 'tool_use',
        id: 'toolu_own',
        name: 'two',
        input: { a: 1 },
        caller: { type: 'direct' },
      },
    ]);
    const starts = [...reply].filter((event) => event.type === 'content_block_start');
    expect(starts.map((event) => event.index)).toEqual([0, 1, 2, 3, 4]);
  });

  it('sends citations before their text', () => {
    const reply = messageEvents.text('It is blue.', { chunk: Infinity, citations: [CITATION] });
    expect(deltas(reply)).toStrictEqual([
      { type: 'citations_delta', citation: CITATION },
      { type: 'text_delta', text: 'It is blue.' },
    ]);
    expect(built(reply).content).toStrictEqual([
      { type: 'text', text: 'It is blue.', citations: [CITATION] },
    ]);
  });

  it('sends a signature last, or not at all', () => {
    expect(deltas(messageEvents.thinking('ab', { signature: 'sig', chunk: 1 }))).toStrictEqual([
      { type: 'thinking_delta', thinking: 'a' },
      { type: 'thinking_delta', thinking: 'b' },
      { type: 'signature_delta', signature: 'sig' },
    ]);
    expect(deltas(messageEvents.thinking('', { signature: '' }))).toEqual([]);
  });

  it('begins a tool input with an empty delta, which is all that an empty input has', () => {
    expect(deltas(messageEvents.toolUse('now'))).toStrictEqual([
      { type: 'input_json_delta', partial_json: '' },
    ]);
    const some = messageEvents.toolUse('get', { a: 'b' }, { chunk: 6 });
    expect(deltas(some)).toStrictEqual([
      { type: 'input_json_delta', partial_json: '' },
      { type: 'input_json_delta', partial_json: '{"a":"' },
      { type: 'input_json_delta', partial_json: 'b"}' },
    ]);
  });

  it('sends any text as the input of a tool', () => {
    const cut = messageEvents.toolUse('get', undefined, { json: '{"a": "hel', chunk: Infinity });
    expect(deltas(cut).at(-1)).toStrictEqual({
      type: 'input_json_delta',
      partial_json: '{"a": "hel',
    });
  });

  it('sends a server tool call in deltas and its result whole', () => {
    const reply = messageEvents
      .serverToolUse('web_search', { query: 'rx' })
      .block({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_0', content: [] })
      .text('Found nothing.');
    expect(built(reply)).toMatchObject({
      stop_reason: 'end_turn',
      content: [
        { type: 'server_tool_use', id: 'srvtoolu_0', input: { query: 'rx' } },
        { type: 'web_search_tool_result' },
        { type: 'text' },
      ],
    });
    expect([...reply].filter((event) => 'index' in event && event.index === 1)).toHaveLength(2);
  });

  it.each([
    [messageEvents.text('a').toolUse('b'), 'tool_use'],
    [messageEvents.toolUse('b').text('a'), 'tool_use'],
    [messageEvents.toolUse('b').ping(), 'tool_use'],
    [messageEvents, 'end_turn'],
    [messageEvents.text('a').with({ stopSequence: 'END' }), 'stop_sequence'],
    [messageEvents.toolUse('b').with({ stopReason: 'max_tokens' }), 'max_tokens'],
    [messageEvents.with({ stopReason: null }), null],
    [
      messageEvents.with({ stopDetails: { type: 'refusal', category: 'bio', explanation: null } }),
      'refusal',
    ],
  ])('gives reply %# the stop reason that goes with it', (reply: MessageEvents, reason) => {
    expect(built(reply).stop_reason).toBe(reason);
  });

  it('takes the fields of the message', () => {
    const stopDetails = { type: 'refusal' as const, category: null, explanation: 'No.' };
    const container = { id: 'container_1', expires_at: '2026-11-21T00:00:00Z', skills: null };
    const reply = messageEvents
      .text('No')
      .with({ model: 'claude-haiku-5-5', stopDetails, container })
      .with({ usage: { input_tokens: 7, output_tokens: 9, cache_read_input_tokens: 5 } });
    const [start] = reply;
    expect(start).toMatchObject({
      message: { container: null, usage: { input_tokens: 7, output_tokens: 1 } },
    });
    expect(built(reply)).toMatchObject({
      model: 'claude-haiku-5-5',
      stop_details: stopDetails,
      container,
      usage: { input_tokens: 7, output_tokens: 9, cache_read_input_tokens: 5 },
    });
  });

  it('inserts any event, and continues the numbering after your own block', () => {
    const own = { type: 'content_block_start', index: 1, content_block: { type: 'novel', x: 1 } };
    const reply = messageEvents
      .text('a')
      .event(own)
      .event({ type: 'content_block_stop', index: 1 })
      .event({ type: 'unheard_of', field: [1] })
      .text('b');
    const events = [...reply];
    expect(events).toContain(own);
    expect(types(events)).toContain('unheard_of');
    expect(events.at(-4)).toMatchObject({ type: 'content_block_delta', index: 2 });
  });

  it('joins back to the text, whatever the text and the size of the pieces', () => {
    const text = fc.string({ unit: 'binary' });
    const chunk = fc.oneof(
      fc.integer({ min: 1, max: 9 }),
      fc.constant(Infinity),
      fc.constant(undefined),
    );
    fc.assert(
      fc.property(text, chunk, (whole, size) => {
        const options = size === undefined ? {} : { chunk: size };
        const reply = messageEvents
          .text(whole, options)
          .thinking(whole, options)
          .toolUse('t', { value: whole }, options);
        expect(built(reply).content).toMatchObject([
          { text: whole },
          { thinking: whole },
          { input: { value: whole } },
        ]);
        const texts = deltas(reply).flatMap((delta) =>
          delta.type === 'text_delta' ? delta.text : [],
        );
        expect(texts.every((piece) => piece.length > 0)).toBe(true);
        for (const piece of texts.slice(0, -1)) expect([...piece]).toHaveLength(size ?? 4);
      }),
    );
  });

  it('never cuts a surrogate pair', () => {
    const pieces = deltas(messageEvents.text('a👍🏽🇫🇷z', { chunk: 1 }));
    expect(pieces.map((delta) => delta.type === 'text_delta' && delta.text)).toEqual([...'a👍🏽🇫🇷z']);
  });

  it.each([0, -1, 1.5, Number.NaN, '3'])('refuses a chunk of %s', (chunk) => {
    for (const call of [
      () => messageEvents.text('a', { chunk: chunk as number }),
      () => messageEvents.thinking('a', { chunk: chunk as number }),
      () => messageEvents.toolUse('a', {}, { chunk: chunk as number }),
    ]) {
      expect(call).toThrow(TypeError);
      expect(call).toThrow(/chunk counts code points/);
    }
  });

  it('refuses values that are not text, JSON or events', () => {
    expect(() => messageEvents.text(undefined as never)).toThrow(/text must be a string/);
    expect(() => messageEvents.toolUse(1 as never)).toThrow(/name must be a string/);
    expect(() => messageEvents.toolUse('a', () => 1)).toThrow(/a value that JSON can hold/);
    expect(() => messageEvents.event({} as never)).toThrow(/type must be a string/);
    expect(() => messageEvents.block(null as never)).toThrow(/type must be a string/);
  });
});
