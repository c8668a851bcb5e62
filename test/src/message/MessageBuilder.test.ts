import { BetaMessageStream } from '@anthropic-ai/sdk/lib/BetaMessageStream';
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import type { BetaRawContentBlockDelta } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import fc from 'fast-check';
import {
  MessageBuilder,
  unfinishedInput,
  unknownDeltas,
  type BetaStreamEvent,
  type ContentBlockOf,
} from 'claude-rx';
import { describe, expect, it, vi } from 'vitest';
import { deepFreeze } from '../../support/deepFreeze.ts';
import { recordings, repliesOf } from '../../support/recordings.ts';
import { rounds } from '../../support/rounds.ts';

type Json = Record<string, unknown>;

const begin = (fields: Json = {}) => ({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 1 },
    ...fields,
  },
});
const start = (index: number, content_block: Json) => ({
  type: 'content_block_start',
  index,
  content_block,
});
const delta = (index: number, type: string, fields: Json) => ({
  type: 'content_block_delta',
  index,
  delta: { type, ...fields },
});
const text = (index: number, value: string) => delta(index, 'text_delta', { text: value });
const json = (index: number, value: string) =>
  delta(index, 'input_json_delta', { partial_json: value });
const stop = (index: number) => ({ type: 'content_block_stop', index });
const update = (fields: Json, usage?: Json | null, more?: Json) => ({
  type: 'message_delta',
  delta: fields,
  usage,
  ...more,
});
const end = { type: 'message_stop' };

const TEXT = { type: 'text', text: '', citations: null };
const THINKING = { type: 'thinking', thinking: '', signature: '' };
const TOOL = { type: 'tool_use', id: 'toolu_1', name: 'search', input: {} };

/** A builder whose events and snapshots are frozen, so that a mutation of either throws. */
class FrozenBuilder extends MessageBuilder<BetaStreamEvent> {
  take(...events: unknown[]): this {
    for (const event of events) {
      this.push(deepFreeze(event) as BetaStreamEvent);
      deepFreeze(this.message);
    }
    return this;
  }
}

const after = (...events: unknown[]) => new FrozenBuilder().take(...events);
const build = (...events: unknown[]) => after(...events).message;
const contentOf = (...events: unknown[]) => build(begin(), ...events)?.content;

/** The message that the SDK's helper builds from these events. */
async function finalMessage(
  Helper: typeof MessageStream | typeof BetaMessageStream,
  events: readonly BetaStreamEvent[],
): Promise<unknown> {
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const body = new Blob([lines]).stream();
  const message = await Helper.fromReadableStream(body as any).finalMessage();
  // `parsed_output` is a field of the helper for structured outputs, not of the API. A field that is
  // `undefined` in the helper, because no delta had it, is absent in ours.
  return JSON.parse(JSON.stringify({ ...message, parsed_output: undefined }));
}

/** The paths at which two JSON values are not the same. */
function differences(ours: unknown, theirs: unknown, path = ''): string[] {
  if (!isObject(ours) || !isObject(theirs)) return Object.is(ours, theirs) ? [] : [path];
  const keys = new Set([...Reflect.ownKeys(ours), ...Reflect.ownKeys(theirs)]);
  return [...keys].flatMap((key) =>
    differences(ours[key], theirs[key], path ? `${path}.${String(key)}` : String(key)),
  );
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null;
}

describe("MessageBuilder builds what the SDK's own helper builds", () => {
  /**
   * The fields that only our message has. MessageStream, for replies that are not beta, copies only the
   * fields of its types (SDK src/lib/MessageStream.ts), and so loses data.
   */
  const BETA_ONLY = new Set(['model', 'context_management', 'usage.iterations']);

  const everyDelta = [
    begin({ usage: { input_tokens: 10, output_tokens: 1, service_tier: 'standard' } }),
    start(0, THINKING),
    delta(0, 'thinking_delta', { thinking: 'I ' }),
    delta(0, 'thinking_delta', { thinking: 'see', estimated_tokens: 7 }),
    delta(0, 'signature_delta', { signature: 'abc' }),
    stop(0),
    { type: 'ping' },
    start(1, { type: 'fallback', from: { model: 'a' }, to: { model: 'b' } }),
    stop(1),
    start(2, TEXT),
    delta(2, 'citations_delta', { citation: { type: 'char_location', cited_text: 'x' } }),
    text(2, 'Hel'),
    text(2, 'lo'),
    stop(2),
    start(3, { ...TOOL, type: 'mcp_tool_use', server_name: 's' }),
    json(3, ''),
    json(3, '{"a":["'),
    json(3, 'é"]}'),
    stop(3),
    start(4, { type: 'compaction', content: null }),
    delta(4, 'compaction_delta', { content: 'Summary', encrypted_content: 'e' }),
    stop(4),
    update({ stop_reason: null, container: { id: 'c' } }, { output_tokens: 5 }),
    update(
      { stop_reason: 'tool_use', stop_sequence: null, stop_details: null },
      {
        input_tokens: 20,
        output_tokens: 9,
        server_tool_use: { web_search_requests: 1 },
        iterations: [{ type: 'message' }],
      },
      { context_management: { applied_edits: [] }, input_transformations: [{ type: 'x' }] },
    ),
    end,
  ] as BetaStreamEvent[];

  it('out of every delta of the beta API', async () => {
    const message = await finalMessage(BetaMessageStream, everyDelta);
    expect(differences(build(...everyDelta), message)).toEqual([]);
  });

  for (const recording of recordings) {
    repliesOf(recording).forEach((events, index) => {
      const title = `${recording.name}, reply ${index + 1}`;

      it(`${title}, as BetaMessageStream`, async () => {
        expect(
          differences(build(...events), await finalMessage(BetaMessageStream, events)),
        ).toEqual([]);
      });

      it(`${title}, as MessageStream`, async () => {
        const paths = differences(build(...events), await finalMessage(MessageStream, events));
        expect(paths.filter((path) => !BETA_ONLY.has(path))).toEqual([]);
      });
    });
  }
});

describe('MessageBuilder adds every delta', () => {
  // Typed so that a delta of the protocol that is missing here does not compile.
  // oxfmt-ignore
  const cases: Record<BetaRawContentBlockDelta['type'], [Json, Json[], Json][]> = {
    text_delta: [
      [TEXT, [{ text: 'Hel' }, { text: 'lo' }, { text: '' }], { ...TEXT, text: 'Hello' }],
      [{ type: 'text' }, [{ text: 'a' }], { type: 'text', text: 'a' }],
      [{ type: 'text', text: 'a' }, [{ text: 'b' }], { type: 'text', text: 'ab' }],
      [{ type: 'connector_text', text: '' }, [{ text: 'a' }], { type: 'connector_text', text: 'a' }],
    ],
    thinking_delta: [
      [THINKING, [{ thinking: 'I ' }, { thinking: 'see' }], { ...THINKING, thinking: 'I see' }],
      [THINKING, [{ thinking: '', estimated_tokens: 5 }], THINKING],
    ],
    signature_delta: [
      [THINKING, [{ signature: 'abc' }], { ...THINKING, signature: 'abc' }],
      [THINKING, [{ signature: 'abc' }, { signature: 'd' }], { ...THINKING, signature: 'd' }],
      [{ type: 'thinking', thinking: '' }, [{ signature: 'd' }], { ...THINKING, signature: 'd' }],
    ],
    citations_delta: [
      [TEXT, [{ citation: { n: 1 } }, { citation: { n: 2 } }], { ...TEXT, citations: [{ n: 1 }, { n: 2 }] }],
      [{ type: 'text', text: '' }, [{ citation: { n: 1 } }], { type: 'text', text: '', citations: [{ n: 1 }] }],
      [{ ...TEXT, citations: [{ n: 0 }] }, [{ citation: { n: 1 } }], { ...TEXT, citations: [{ n: 0 }, { n: 1 }] }],
    ],
    input_json_delta: [
      [TOOL, [{ partial_json: '' }, { partial_json: '{"a":' }, { partial_json: '"é"}' }], { ...TOOL, input: { a: 'é' } }],
      [TOOL, [{ partial_json: '' }], TOOL],
      [TOOL, [], TOOL],
      [{ ...TOOL, type: 'server_tool_use', name: 'web_search' }, [{ partial_json: '{"query":"x"}' }], { ...TOOL, type: 'server_tool_use', name: 'web_search', input: { query: 'x' } }],
      [{ ...TOOL, type: 'mcp_tool_use', server_name: 's' }, [{ partial_json: '[1]' }], { ...TOOL, type: 'mcp_tool_use', server_name: 's', input: [1] }],
      [{ ...TOOL, type: 'later_tool_use' }, [{ partial_json: '{"a":1}' }], { ...TOOL, type: 'later_tool_use', input: { a: 1 } }],
      [{ ...TOOL, input: { draft: 1 } }, [{ partial_json: '{"a":1}' }], { ...TOOL, input: { a: 1 } }],
    ],
    compaction_delta: [
      [{ type: 'compaction', content: null, encrypted_content: 'x' }, [{ content: 'Summary' }], { type: 'compaction', content: 'Summary', encrypted_content: 'x' }],
      [{ type: 'compaction', content: 'a' }, [{ content: 'b', encrypted_content: 'y' }], { type: 'compaction', content: 'b', encrypted_content: 'y' }],
      [{ type: 'compaction', content: 'a' }, [{ content: null, encrypted_content: null }], { type: 'compaction', content: null, encrypted_content: null }],
    ],
  };
  const rows = Object.entries(cases).flatMap(([type, some]) =>
    some.map(([block, deltas, expected]) => ({ type, block, deltas, expected })),
  );
  it.each(rows)('$type: $block and $deltas', ({ type, block, deltas, expected }) => {
    const events = deltas.map((fields) => delta(0, type, fields));
    expect(contentOf(start(0, block), ...events, stop(0))).toStrictEqual([expected]);
  });

  it('and keeps those whose type it does not know beside the block', () => {
    const later = [delta(0, 'later_delta', { n: 1 }), delta(0, 'later_delta', { n: 2 })];
    const content = contentOf(start(0, { type: 'later' }), later[0], text(0, ''), later[1]);
    expect(content).toStrictEqual([
      { type: 'later', [unknownDeltas]: [later[0]!.delta] },
      { ...TEXT, [unknownDeltas]: [later[1]!.delta] },
    ]);
    expect(JSON.stringify(content?.[0])).toBe('{"type":"later"}');
  });
});

describe('MessageBuilder keeps a complete block unchanged', () => {
  // Typed so that a block of the protocol that is missing here does not compile.
  // oxfmt-ignore
  const blocks: Record<ContentBlockOf<BetaStreamEvent>['type'], Json> = {
    text: { text: 'Hi', citations: [{ cited_text: 'x' }] },
    thinking: { thinking: 'Hm', signature: 's' },
    redacted_thinking: { data: 'x' },
    tool_use: { id: 't', name: 'f', input: { a: [1] } },
    server_tool_use: { id: 't', name: 'web_search', input: { query: 'x' }, caller: { type: 'direct' } },
    mcp_tool_use: { id: 't', name: 'f', input: { a: 1 }, server_name: 's' },
    mcp_tool_result: { tool_use_id: 't', is_error: false, content: [] },
    mcp_tool_listing: { tools: [] },
    web_search_tool_result: { tool_use_id: 't', content: [{ type: 'web_search_result', url: 'u' }] },
    web_fetch_tool_result: { tool_use_id: 't', content: { url: 'u' } },
    advisor_tool_result: { tool_use_id: 't', content: { type: 'advisor_result', text: 'x' } },
    code_execution_tool_result: { tool_use_id: 't', content: { stdout: '' } },
    bash_code_execution_tool_result: { tool_use_id: 't', content: { stdout: '' } },
    text_editor_code_execution_tool_result: { tool_use_id: 't', content: { lines: ['a'] } },
    tool_search_tool_result: { tool_use_id: 't', content: { tool_references: [] } },
    container_upload: { file_id: 'f' },
    compaction: { content: 'x', encrypted_content: null },
    fallback: { from: { model: 'a' }, to: { model: 'b' } },
  };
  const more: [string, Json][] = [['connector_text', { later: { n: [1] } }]];
  it.each([...Object.entries(blocks), ...more])('%s', (type, fields) => {
    const block = { type, ...fields, unknown_field: 1 };
    expect(contentOf(start(0, block), stop(0))).toStrictEqual([block]);
    expect(contentOf(start(0, block))?.[0]).toBe(block);
  });

  it('in a message_start that has content', () => {
    const message = build(
      begin({ content: [{ ...TOOL, input: { a: 1 } }, TEXT] }),
      text(1, 'b'),
      end,
    );
    expect(message?.content).toStrictEqual([
      { ...TOOL, input: { a: 1 } },
      { ...TEXT, text: 'b' },
    ]);
  });
});

describe('MessageBuilder and the input of a tool', () => {
  const cut = (value: string) => [{ ...TOOL, [unfinishedInput]: value }];

  it('holds its text under unfinishedInput while it is open', () => {
    const builder = after(begin(), start(0, TOOL));
    expect(builder.message?.content).toStrictEqual(cut(''));
    expect(builder.take(json(0, '{"a"')).message?.content).toStrictEqual(cut('{"a"'));
    expect(builder.take(json(0, ':1}')).message?.content).toStrictEqual(cut('{"a":1}'));
    expect(builder.take(stop(0)).message?.content).toStrictEqual([{ ...TOOL, input: { a: 1 } }]);
  });

  // oxfmt-ignore
  const cases: [title: string, events: unknown[], content: unknown[]][] = [
    ['keeps a cut one', [start(0, TOOL), json(0, '{"a":"hel'), stop(0), end], cut('{"a":"hel')],
    ['keeps one that is a cut number', [start(0, TOOL), json(0, '{"a": 12'), stop(0)], cut('{"a": 12')],
    ['keeps a malformed one', [start(0, TOOL), json(0, "{'a':1}"), stop(0)], cut("{'a':1}")],
    ['keeps one with text behind it', [start(0, TOOL), json(0, '{}x'), stop(0)], cut('{}x')],
    ['parses it at message_stop where its stop is missing', [start(0, TOOL), json(0, '{"a":1}'), end], [{ ...TOOL, input: { a: 1 } }]],
    ['leaves it open at the next start where its stop is missing', [start(0, TOOL), json(0, '{"a":1}'), start(1, TEXT)], [...cut('{"a":1}'), TEXT]],
    ['parses it at a stop_reason where its stop is missing', [start(0, TOOL), json(0, '{"a":1}'), update({ stop_reason: 'tool_use' })], [{ ...TOOL, input: { a: 1 } }]],
    ['leaves it open at a message_delta without a stop_reason', [start(0, TOOL), json(0, '{}'), update({}, { output_tokens: 5 })], cut('{}')],
    ['joins what comes after the next start', [start(0, TOOL), json(0, '{"a"'), start(1, TOOL), json(0, ':1}'), json(1, '2'), stop(0), stop(1)], [{ ...TOOL, input: { a: 1 } }, { ...TOOL, input: 2 }]],
    ['does not mind a stop of another block', [start(0, TOOL), json(0, '{"a"'), stop(1)], cut('{"a"')],
    ['does not parse it twice', [start(0, TOOL), json(0, '"{}"'), stop(0), stop(0), end], [{ ...TOOL, input: '{}' }]],
  ];
  it.each(cases)('%s', (_, events, content) => {
    expect(contentOf(...events)).toStrictEqual(content);
  });

  it('does not show it in JSON, and keeps it in a copy', () => {
    const block = contentOf(start(0, TOOL), json(0, '{"a'))![0]!;
    expect(JSON.stringify(block)).toBe(JSON.stringify(TOOL));
    expect({ ...block }).toStrictEqual(block);
  });
});

describe('MessageBuilder and the fields of the message', () => {
  it('replaces counters that come, and keeps those that are null or absent', () => {
    const usage = {
      input_tokens: 2679,
      cache_read_input_tokens: 3,
      output_tokens: 1,
      service_tier: 'standard',
    };
    const builder = after(
      begin({ usage }),
      update({}, { input_tokens: 10682, output_tokens: 200, cache_read_input_tokens: null }),
    );
    expect(builder.message?.usage).toStrictEqual({
      ...usage,
      input_tokens: 10682,
      output_tokens: 200,
    });
    builder.take(
      update(
        {},
        { output_tokens: 510, server_tool_use: { web_search_requests: 1 }, iterations: [{}] },
      ),
    );
    expect(builder.message?.usage).toStrictEqual({
      ...usage,
      input_tokens: 10682,
      output_tokens: 510,
      server_tool_use: { web_search_requests: 1 },
      iterations: [{}],
    });
    expect(
      builder.take(update({}, { server_tool_use: { web_search_requests: 2 } })).message?.usage,
    ).toMatchObject({ server_tool_use: { web_search_requests: 2 }, output_tokens: 510 });
  });

  const refusal = { type: 'refusal', category: 'cyber', explanation: 'No.' };
  // oxfmt-ignore
  const cases: [title: string, events: unknown[], fields: Json][] = [
    ['stop_reason and stop_sequence', [update({ stop_reason: 'stop_sequence', stop_sequence: '###' })], { stop_reason: 'stop_sequence', stop_sequence: '###' }],
    ['a stop_reason yet unknown', [update({ stop_reason: 'later' })], { stop_reason: 'later' }],
    ['stop_details', [update({ stop_reason: 'refusal', stop_details: refusal })], { stop_reason: 'refusal', stop_details: refusal }],
    ['a container', [update({ container: { id: 'c' } })], { container: { id: 'c' } }],
    ['context_management', [update({}, {}, { context_management: { applied_edits: [] } })], { context_management: { applied_edits: [] } }],
    ['input_transformations', [update({}, {}, { input_transformations: [1] })], { input_transformations: [1] }],
    ['fields yet unknown', [update({ later: 1 }, { later: 2 }, { later_too: 3 })], { later: 1, later_too: 3, usage: { input_tokens: 10, output_tokens: 1, later: 2 } }],
    ['the first of two where the second has null', [update({ stop_reason: 'end_turn', container: { id: 'c' } }), update({ stop_reason: null, container: null }, null)], { stop_reason: 'end_turn', container: { id: 'c' } }],
    ['the last of two', [update({ stop_reason: 'pause_turn' }), update({ stop_reason: 'end_turn' })], { stop_reason: 'end_turn' }],
    ['the model after a fallback', [start(0, { type: 'fallback', from: { model: 'a' }, to: { model: 'b' } })], { model: 'b', content: [{ type: 'fallback', from: { model: 'a' }, to: { model: 'b' } }] }],
  ];
  it.each(cases)('takes %s', (_, events, fields) => {
    expect(build(begin(), ...events)).toStrictEqual({ ...begin().message, ...fields });
  });

  it('leaves absent fields absent, and accepts null for an absent field', () => {
    const bare = { type: 'message_start', message: { id: 'm' } };
    expect(build(bare, update({}))).toStrictEqual({ id: 'm', content: [] });
    expect(build(bare, update({ stop_details: null }, { input_tokens: null }))).toStrictEqual({
      id: 'm',
      content: [],
      stop_details: null,
      usage: { input_tokens: null },
    });
  });
});

describe('MessageBuilder and the order of events', () => {
  it('has no message before message_start, whatever the events are', () => {
    const builder = after(
      { type: 'ping' },
      start(0, TEXT),
      text(0, 'a'),
      stop(0),
      update({ stop_reason: 'end_turn' }),
      end,
      { type: 'resume', keep: 0 },
    );
    expect(builder.message).toBeUndefined();
    expect(builder.stopped).toBe(false);
    expect(builder.take(begin()).message?.content).toEqual([]);
  });

  it('reports whether message_stop has come', () => {
    const builder = after(
      begin(),
      start(0, TEXT),
      text(0, 'a'),
      stop(0),
      update({ stop_reason: 'end_turn' }),
    );
    expect(builder.stopped).toBe(false);
    expect(builder.take(end).stopped).toBe(true);
    expect(builder.take(begin({ id: 'msg_2' })).stopped).toBe(false);
  });

  it('removes the stop reason at a resume', () => {
    const builder = after(
      begin(),
      start(0, TEXT),
      text(0, 'a'),
      update({ stop_reason: 'refusal' }),
    );
    expect(builder.take({ type: 'resume', keep: 1 }).message).toMatchObject({
      stop_reason: null,
      content: [{ text: 'a' }],
    });
  });

  it('ignores a message_start with the same id', () => {
    const builder = after(begin(), start(0, TEXT), text(0, 'a'));
    const before = builder.message;
    expect(builder.take(begin({ usage: {} })).message).toBe(before);
    expect(builder.take(text(0, 'b')).message?.content).toEqual([{ ...TEXT, text: 'ab' }]);
  });

  it('ignores a message_start without a message while one is being built', () => {
    const builder = after(begin(), start(0, TEXT), text(0, 'a'));
    const before = builder.message;
    expect(builder.take({ type: 'message_start', message: null }).message).toBe(before);
    expect(builder.take(text(0, 'b')).message?.content).toEqual([{ ...TEXT, text: 'ab' }]);
  });

  const half = [
    begin(),
    start(0, TEXT),
    text(0, 'a'),
    start(1, TOOL),
    json(1, '{"a"'),
    delta(0, 'later', {}),
  ];
  it.each([
    ['with another id, which withdraws what came', [...half, begin({ id: 'msg_2' })]],
    ['after message_stop, which begins the next message', [...half, end, begin({ id: 'msg_2' })]],
  ])('starts over at a message_start %s', (_, events) => {
    const builder = after(...events);
    expect(builder.message).toStrictEqual(begin({ id: 'msg_2' }).message);
    builder.take(text(0, 'new'), json(1, 'lost'), stop(1), end);
    expect(builder.message?.content).toStrictEqual([{ ...TEXT, text: 'new' }]);
  });

  it('begins the next message also when it has the same id', () => {
    expect(build(begin(), start(0, TEXT), text(0, 'a'), end, begin())?.content).toEqual([]);
  });

  it('withdraws blocks at a resume, and continues after the kept blocks', () => {
    const reply = [
      begin(),
      start(0, TEXT),
      text(0, 'Hel'),
      start(1, THINKING),
      start(2, TOOL),
      json(2, '{"a"'),
      delta(2, 'later', {}),
    ];
    const builder = after(...reply, { type: 'resume', attempt: 2, keep: 1 });
    expect(builder.message?.content).toStrictEqual([{ ...TEXT, text: 'Hel' }]);
    builder.take(text(0, 'lo'), stop(0), start(1, TOOL), json(1, '{"b":1}'), stop(1), end);
    expect(builder.message?.content).toStrictEqual([
      { ...TEXT, text: 'Hello' },
      { ...TOOL, input: { b: 1 } },
    ]);
    expect(builder.stopped).toBe(true);
  });

  it.each([
    [0, []],
    [2, [{ ...TEXT, text: 'a' }, TEXT]],
    [99, [{ ...TEXT, text: 'a' }, TEXT]],
    [-1, [{ ...TEXT, text: 'a' }, TEXT]],
    [0.5, [{ ...TEXT, text: 'a' }, TEXT]],
    [undefined, [{ ...TEXT, text: 'a' }, TEXT]],
  ])('withdraws the blocks of keep: %s, and none if keep is not valid', (keep, content) => {
    expect(
      contentOf(start(0, TEXT), text(0, 'a'), start(1, TEXT), { type: 'resume', keep }),
    ).toEqual(content);
  });

  it('is not stopped any more after a resume', () => {
    expect(after(begin(), end, { type: 'resume', keep: 0 }).stopped).toBe(false);
  });

  const block = (value: string) => ({ ...TEXT, text: value });
  // oxfmt-ignore
  const cases: [title: string, events: unknown[], content: unknown[]][] = [
    ['indices that skip', [start(3, TEXT), text(3, 'a'), start(7, TEXT), text(7, 'b'), text(3, 'c')], [block('ac'), block('b')]],
    ['a gateway that numbers all blocks 0', [start(0, TEXT), text(0, 'a'), stop(0), start(0, TEXT), text(0, 'b'), stop(0)], [block('a'), block('b')]],
    ['such a gateway where a block is withdrawn', [start(0, TEXT), text(0, 'a'), start(0, TEXT), text(0, 'b'), { type: 'resume', keep: 1 }, text(0, 'c')], [block('ac')]],
    ['a gateway whose index is no number', [{ ...start(0, TEXT), index: Number.NaN }, { ...text(0, 'a'), index: Number.NaN }], [TEXT, block('a')]],
    ['content that a message_delta speaks of', [start(0, TEXT), text(0, 'a'), update({ content: 5 }, {}, { content: [] })], [block('a')]],
    ['a gateway that leaves the index out', [{ ...start(0, TEXT), index: undefined }, { ...text(0, 'a'), index: undefined }], [block('a')]],
    ['text without content_block_start', [text(0, 'a'), text(0, 'b'), stop(0)], [block('ab')]],
    ['thinking without content_block_start', [delta(0, 'thinking_delta', { thinking: 'a' })], [{ ...THINKING, thinking: 'a' }]],
    ['text in a block of another kind', [start(0, THINKING), text(0, 'a'), text(0, 'b')], [THINKING, block('ab')]],
    ['thinking in a block of another kind', [start(0, TEXT), delta(0, 'thinking_delta', { thinking: 'a' })], [TEXT, { ...THINKING, thinking: 'a' }]],
    ['a missing stop', [start(0, TEXT), text(0, 'a'), start(1, TEXT), text(1, 'b'), end], [block('a'), block('b')]],
    ['input in a block of another kind', [start(0, TEXT), json(0, '{}'), stop(0)], [{ ...TEXT, [unknownDeltas]: [json(0, '{}').delta] }]],
    ['a delta without a type', [start(0, TEXT), { type: 'content_block_delta', index: 0, delta: { later: 1 } } as never], [{ ...TEXT, [unknownDeltas]: [{ later: 1 }] }]],
    ['a compaction in a block of another kind', [start(0, TEXT), delta(0, 'compaction_delta', { content: 'x' })], [{ ...TEXT, [unknownDeltas]: [{ type: 'compaction_delta', content: 'x' }] }]],
    ['a stop without a start', [stop(0), stop(4), start(0, TEXT)], [TEXT]],
    ['input without content_block_start, whose tool nobody knows', [json(0, '{}')], []],
    ['more text after the stop', [start(0, TEXT), text(0, 'a'), stop(0), text(0, 'b')], [block('ab')]],
    ['a null delta', [start(0, TEXT), { ...text(0, ''), delta: null }, text(0, 'a')], [block('a')]],
    ['a null content_block', [{ ...start(0, {}), content_block: null }, text(0, 'a')], [block('a')]],
    ['a content_block without a type', [start(0, { text: 'b' }), text(0, 'a')], [block('a')]],
    ['an event without any field', [start(0, TEXT), { type: 'content_block_delta' }, { type: 'content_block_start' }, { type: 'content_block_stop' }, { type: 'message_delta' }], [TEXT]],
    ['events of other types', [start(0, TEXT), { type: 'ping' }, { type: 'later', index: 0, delta: { text: 'x' } }], [TEXT]],
    ['text that is no text', [start(0, TEXT), delta(0, 'text_delta', { text: 5 }), delta(0, 'text_delta', {})], [TEXT]],
  ];
  it.each(cases)('copes with %s', (_, events, content) => {
    expect(contentOf(...events)).toStrictEqual(content);
  });
});

describe("MessageBuilder's snapshots", () => {
  it('are immutable, and so are the events', () => {
    // FrozenBuilder freezes each of them after each event.
    for (const recording of recordings) {
      const events = structuredClone(recording.events);
      expect(after(...events).message?.id).toBe(
        repliesOf(recording).at(-1)?.[0]?.['message' as never]?.['id'],
      );
      expect(events).toEqual(recording.events);
    }
  });

  it('share the blocks that have not changed', () => {
    const builder = after(
      begin(),
      start(0, TEXT),
      text(0, 'a'),
      stop(0),
      start(1, TOOL),
      json(1, '{}'),
      stop(1),
      start(2, TEXT),
    );
    const [first, second, third] = builder.message!.content;
    const content = builder.take(text(2, 'b')).message!.content;
    expect(content[0]).toBe(first);
    expect(content[1]).toBe(second);
    expect(content[2]).not.toBe(third);
    expect(content).toEqual([{ ...TEXT, text: 'a' }, TOOL, { ...TEXT, text: 'b' }]);
  });

  it('share the content when only usage has changed, and usage when only content has', () => {
    const builder = after(begin(), start(0, TEXT), text(0, 'a'));
    const before = builder.message!;
    const counted = builder.take(update({}, { output_tokens: 9 })).message!;
    expect(counted).not.toBe(before);
    expect(counted.content).toBe(before.content);
    const stopped = builder.take(update({ stop_reason: 'end_turn' })).message!;
    expect(stopped.usage).toBe(counted.usage);
    expect(builder.take(text(0, 'b')).message!.usage).toBe(counted.usage);
  });

  it.each([
    ['no event', []],
    ['a ping', [{ type: 'ping' }]],
    ['an unknown event', [{ type: 'later' }]],
    ['the stop of a block of text', [stop(0)]],
    ['the stop of a tool whose input is cut', [stop(1)]],
    ['message_stop', [end]],
    ['a repeated message_start', [begin()]],
    ['a null delta', [{ ...text(0, ''), delta: null }]],
  ])('are the same object after %s', (_, events) => {
    const builder = after(begin(), start(0, TEXT), text(0, 'a'), start(1, TOOL), json(1, '{"a'));
    expect(builder.message).toBe(builder.message);
    const before = builder.message;
    expect(builder.take(...events).message).toBe(before);
  });

  it('do not depend on earlier reads', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyEvent, anyContentEvent)), (events) => {
        const unseen = new MessageBuilder<BetaStreamEvent>();
        const seen = after(begin(), ...events);
        for (const event of [begin(), ...events]) unseen.push(event as BetaStreamEvent);
        expect(unseen.message).toStrictEqual(seen.message);
        expect(unseen.stopped).toBe(seen.stopped);
      }),
      { numRuns: rounds(1_000) },
    );
  });
});

describe('MessageBuilder does a bounded piece of work for each event', () => {
  const MANY = 1_000;
  const many = (event: (index: number) => unknown) =>
    Array.from({ length: MANY }, (_, i) => event(i));

  it('parses an input once, when it has ended', () => {
    const parse = vi.spyOn(JSON, 'parse');
    after(
      begin(),
      start(0, TOOL),
      json(0, '["'),
      ...many(() => json(0, 'x')),
      json(0, '"]'),
      stop(0),
      end,
      stop(0),
    );
    const lengths = parse.mock.calls.map(([input]) => input.length);
    parse.mockRestore();
    expect(lengths).toEqual([MANY + 4]);
  });

  it.each([
    ['citations', (n: number) => delta(0, 'citations_delta', { citation: { n } })],
    ['unknown deltas', (n: number) => delta(0, 'later_delta', { n })],
    ['text', (n: number) => text(0, `${n}`)],
    ['counters', (n: number) => update({}, { output_tokens: n })],
    ['blocks', (n: number) => start(n + 1, TEXT)],
  ])('and copies no list that has grown, however many %s come', (_, event) => {
    let looks = 0;
    const watched = <T extends object>(list: T): T =>
      new Proxy(list, {
        get: (target, key) => ((looks += key === 'length' ? 1 : 0), Reflect.get(target, key)),
      });
    const builder = new MessageBuilder<BetaStreamEvent>();
    const push = (one: unknown) => builder.push(one as BetaStreamEvent);
    push(begin());
    push(
      start(0, { type: 'text', text: '', citations: watched([]), [unknownDeltas]: watched([]) }),
    );
    many(event).forEach(push);
    expect(looks).toBe(0);
    expect(builder.message?.content.length).toBeGreaterThan(0);
  });
});

describe('MessageBuilder never throws', () => {
  it('whatever the events are', () => {
    const anything = fc.oneof(anyEvent, fc.dictionary(fc.string(), fc.jsonValue()));
    fc.assert(
      fc.property(fc.array(anything), (events) => {
        const builder = after(...events);
        expect(builder.message === undefined || Array.isArray(builder.message.content)).toBe(true);
      }),
      { numRuns: rounds(2_000) },
    );
  });

  it('and never loses text, nor adds any', () => {
    fc.assert(
      fc.property(fc.array(anyContentEvent), (events) => {
        const sent = events.map(
          (event: any) => event.delta?.text ?? event.content_block?.text ?? '',
        );
        const built = contentOf(...events)!.map((block) => ('text' in block ? block.text : ''));
        expect([...built.join('')].toSorted()).toEqual([...sent.join('')].toSorted());
      }),
      { numRuns: rounds(1_000) },
    );
  });
});

// Events that are likely and unlikely, with fields that are right, wrong, null or absent.
const anyValue = fc.oneof({ weight: 3, arbitrary: fc.string({ maxLength: 3 }) }, fc.jsonValue());
const maybe = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: value }, fc.jsonValue());
const anyIndex = fc.oneof({ weight: 9, arbitrary: fc.nat(3) }, anyValue);
const field = { requiredKeys: ['type'] as 'type'[] };
const anyDelta = fc.record(
  {
    type: fc.constantFrom(
      'text_delta',
      'thinking_delta',
      'signature_delta',
      'input_json_delta',
      'citations_delta',
      'compaction_delta',
      'later_delta',
    ),
    text: anyValue,
    thinking: anyValue,
    signature: anyValue,
    partial_json: fc.oneof(fc.constantFrom('{"a":', '1}', '{}', '[', ''), anyValue),
    citation: anyValue,
    content: anyValue,
  },
  field,
);
const anyBlock = fc.record(
  {
    type: fc.constantFrom('text', 'thinking', 'tool_use', 'fallback', 'compaction', 'later'),
    text: anyValue,
    thinking: anyValue,
    input: fc.oneof(fc.constant({}), anyValue),
    citations: anyValue,
    to: fc.oneof(fc.constant({ model: 'other' }), anyValue),
  },
  field,
);
const anyEvent = fc.record(
  {
    type: fc.oneof(
      {
        weight: 9,
        arbitrary: fc.constantFrom(
          'content_block_start',
          'content_block_delta',
          'content_block_delta',
          'content_block_stop',
          'message_delta',
          'message_stop',
          'message_start',
          'resume',
          'ping',
        ),
      },
      anyValue,
    ),
    index: anyIndex,
    delta: maybe(anyDelta),
    content_block: maybe(anyBlock),
    message: maybe(
      fc.record({
        id: fc.constantFrom('msg_1', 'msg_2'),
        content: maybe(fc.array(anyBlock)),
        usage: anyValue,
      }),
    ),
    usage: maybe(fc.dictionary(fc.string(), fc.jsonValue())),
    keep: anyIndex,
  },
  field,
);

/** Events that fit one another more often. */
const index = fc.nat(2);
const anyContentEvent = fc.oneof(
  fc.tuple(index, fc.string()).map(([at, value]) => text(at, value)),
  fc
    .tuple(index, fc.constantFrom('', '{}', '{"a":', '1}', '['))
    .map(([at, value]) => json(at, value)),
  fc.tuple(index, fc.constantFrom(TEXT, THINKING, TOOL)).map(([at, block]) => start(at, block)),
  fc.tuple(index, fc.string()).map(([at, value]) => start(at, { ...TEXT, text: value })),
  index.map((at) => delta(at, 'thinking_delta', { thinking: 'x' })),
  index.map((at) => delta(at, 'later_delta', { n: 1 })),
  index.map(stop),
  fc.constant(end),
);
