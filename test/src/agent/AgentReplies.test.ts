// The facts that AgentReplies lists, each from lines as CLI 2.1.332 prints them; and the recordings of
// the real CLI, cut at every line and with any one line left out.
import {
  accumulateText,
  type BetaStreamEvent,
  contentBlocks,
  finalText,
  type MessageStreamError,
  textOnly,
  toolUses,
} from 'claude-rx';
import { type AgentMessage, streamEvents } from 'claude-rx/agent';
import { from, type OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  abandoned,
  type Block,
  blocks,
  built,
  cliError,
  cliTellsModel,
  complete,
  errorResult,
  eventOf,
  header,
  init,
  reply,
  result,
  streamed,
  system,
  text,
  toolResult,
  toolUse,
} from '../../agent/messages.ts';
import { agentRecordings } from '../../agent/recordings.ts';
import { places } from '../../support/rounds.ts';

function run<T>(lines: Iterable<AgentMessage>, operator: OperatorFunction<BetaStreamEvent, T>) {
  const values: T[] = [];
  let error: MessageStreamError | undefined;
  from(lines)
    .pipe(streamEvents(), operator)
    .subscribe({ next: (value) => values.push(value), error: (thrown) => (error = thrown) });
  return { values, error };
}
const eventsOf = (lines: Iterable<AgentMessage>) => run(lines, (same) => same).values;
const textOf = (lines: Iterable<AgentMessage>) => run(lines, textOnly()).values.join('');
const callsOf = (lines: Iterable<AgentMessage>) => run(lines, toolUses()).values;
const stopsOf = (events: Iterable<BetaStreamEvent>) =>
  [...events].filter(({ type }) => type === 'message_stop').length;

const ids = { toolu_1: toolUse('toolu_1', 'Bash', { command: 'ls' }) };
const call = ids.toolu_1;
const second = (level: 'partial' | 'complete' = 'partial') =>
  reply({ id: 'msg_2', blocks: [text('The second try.')] }, level);

/** A reply whose last block is cut: the CLI closes that block and the message. */
function cut(id: string, whole: Block[], last: Block): AgentMessage[] {
  const at = whole.length;
  return [
    eventOf(id, { type: 'message_start', message: header(id) }),
    ...whole.flatMap((block, index) => [
      ...streamed(block, index).map((event) => eventOf(id, event as object)),
      complete(id, block),
      eventOf(id, { type: 'content_block_stop', index }),
    ]),
    ...streamed(last, at).map((event) => eventOf(id, event as object)),
    eventOf(id, { type: 'content_block_stop', index: at }),
    abandoned(id, at),
  ];
}

describe('a reply that was cut off', () => {
  const first = cut('msg_1', [], text('The first try'));

  it('is withdrawn completely if its first block was cut off, and has no message_stop', () => {
    const lines = [init(), ...first, system('api_retry', { error: 'unknown' }), ...second()];
    const events = eventsOf([...lines, result()]);
    expect(built(events)).toMatchObject([
      { id: 'msg_1', content: [], stop_reason: null },
      { id: 'msg_2', content: [text('The second try.')], stop_reason: 'end_turn' },
    ]);
    expect(events.find(({ type }) => type === 'resume')).toMatchObject({
      keep: 0,
      error: { code: 'truncated' },
    });
    expect(stopsOf(events)).toBe(1);
    expect(run([...lines, result()], finalText()).values).toEqual(['The second try.']);
    expect(run([...lines, result()], accumulateText()).values.at(-1)).toBe('The second try.');
  });

  it('is followed by a reply without stream events', () => {
    const whole = complete('msg_2', text('The second try.'));
    whole.message.stop_reason = 'end_turn';
    const events = eventsOf([init(), ...first, whole, result({ stop_reason: null })]);
    expect(blocks(events)).toEqual([[text('The second try.')]]);
    expect(built(events).at(-1)).toMatchObject({ stop_reason: 'end_turn' });
    expect(stopsOf(events)).toBe(1);
  });

  it('keeps the complete blocks', () => {
    const lines = [...cut('msg_1', [text('Whole. ')], text('Cut')), cliTellsModel(), ...second()];
    const events = eventsOf([...lines, result()]);
    expect(built(events)).toMatchObject([
      { content: [text('Whole. ')], stop_reason: null },
      { content: [text('The second try.')], stop_reason: 'end_turn' },
    ]);
    expect(stopsOf(events)).toBe(1);
    expect(run([...lines, result()], finalText()).values).toEqual(['The second try.']);
  });

  it('has no message_stop if the message with abandoned_blocks is missing', () => {
    const events = eventsOf([init(), ...first.slice(0, -1), ...second(), result()]);
    expect(blocks(events)).toEqual([[text('The second try.')]]);
    expect(stopsOf(events)).toBe(1);
  });

  it('has no message_stop if the CLI sends one without a stop_reason', () => {
    const stop = eventOf('msg_1', { type: 'message_stop' });
    const delta = { type: 'message_delta', delta: { stop_reason: null }, usage: {} };
    const lines = [init(), ...first.slice(0, -1), eventOf('msg_1', delta), stop];
    const events = eventsOf([...lines, ...second(), result()]);
    expect(blocks(events)).toEqual([[text('The second try.')]]);
    expect(events.filter(({ type }) => type === 'message_delta')).toHaveLength(1);
  });

  it('emits the call that ran, with complete and partial messages', () => {
    const error = () => cliError('API Error: lost', {}, 'tool_use');
    const behind = [toolResult('toolu_1'), error(), ...second(), result()];
    const partial = [init(), ...cut('msg_1', [text('I call.'), call], text('More')), ...behind];
    const atCall = cut('msg_1', [text('I call.'), call], text('More')).filter(
      (line) => line.type !== 'stream_event' || !('index' in line.event) || line.event.index < 2,
    );
    const messages = [
      [
        complete('msg_1', text('I call.')),
        complete('msg_1', call),
        error(),
        ...behind.toSpliced(1, 1),
      ],
      [complete('msg_1', text('I call.')), complete('msg_1', call), ...behind],
    ].map((lines) => [init(), ...lines.filter(({ type }) => type !== 'stream_event')]);
    for (const lines of [partial, [init(), ...atCall, ...behind], ...messages]) {
      expect(callsOf(lines)).toEqual([call]);
      expect(textOf(lines)).not.toContain('API Error');
      const events = eventsOf(lines);
      expect(built(events)).toMatchObject([
        { content: [text('I call.'), call], stop_reason: null },
        { content: [text('The second try.')], stop_reason: 'end_turn' },
      ]);
      expect(stopsOf(events)).toBe(1);
    }
  });

  it('is the partial of the error if the CLI gives up', () => {
    const error = cliError('API Error: lost', { api_error: 'connection_failed' });
    const end = result({ is_error: true, api_error: 'connection_failed', stop_reason: null });
    const { values, error: thrown } = run([init(), ...first, error, end], (same) => same);
    expect(thrown).toMatchObject({ code: 'connection', errorType: 'connection_failed' });
    expect(thrown?.partial?.content).toEqual([text('The first try')]);
    expect(stopsOf(values)).toBe(0);
  });

  it('belongs to the reply that api_message_id names', () => {
    const late = eventOf('msg_1', { type: 'content_block_delta', index: 0, delta: {} });
    const [start, ...rest] = second();
    const lines = [init(), ...first, eventOf('msg_2', (start as never)['event']), late, ...rest];
    expect(blocks(eventsOf([...lines, result()]))).toEqual([[text('The second try.')]]);
  });
});

describe('an error message of the CLI', () => {
  it.each(['partial', 'complete'] as const)('is a notice, not text (%s)', (level) => {
    const lines = [init(), cliError('API Error: secret'), ...second(level), result()];
    const events = eventsOf(lines);
    expect(textOf(lines)).toBe('The second try.');
    expect(events[0]).toEqual({ type: 'notice', kind: 'api_error', error: 'server_error' });
    expect(blocks(events)).toEqual([[text('The second try.')]]);
  });

  it('does not end the reply in which it arrives', () => {
    const lines = second();
    lines.splice(3, 0, cliError('API Error'));
    const events = eventsOf([...lines, result()]);
    expect(built(events)).toMatchObject([{ stop_reason: 'end_turn' }]);
    expect(events.filter(({ type }) => type === 'message_start')).toHaveLength(1);
  });

  it('has the message of Claude Code for the user', () => {
    const line = system('informational', { content: 'Going on once.', level: 'notice' });
    expect(eventsOf([line])).toEqual([
      { type: 'notice', kind: 'informational', text: 'Going on once.' },
    ]);
  });
});

describe('a refusal', () => {
  const refused = (id: string, level: 'partial' | 'complete' = 'partial') =>
    reply({ id, blocks: [text('I start')], stopReason: 'refusal' }, level);
  const uuidsOf = (lines: AgentMessage[]) =>
    lines.flatMap((line) => (line.type === 'assistant' ? [line.uuid] : []));
  const retry = (id: string) => cliTellsModel({ refusal_retry: true, refused_message_id: id });

  it('is withdrawn before its message_delta, and then has no message_stop', () => {
    const lines = refused('msg_1');
    const notice = system('model_refusal_fallback', { retracted_message_uuids: uuidsOf(lines) });
    lines.splice(-2, 0, notice);
    const events = eventsOf([...lines, ...second(), result()]);
    expect(built(events)).toMatchObject([
      { id: 'msg_1', content: [], stop_reason: null },
      { id: 'msg_2', stop_reason: 'end_turn' },
    ]);
    expect(events.find(({ type }) => type === 'resume')).toMatchObject({
      keep: 0,
      error: { code: 'refusal' },
    });
    expect(stopsOf(events)).toBe(1);
  });

  it.each(['partial', 'complete'] as const)(
    'is kept if the same model answers again (%s)',
    (level) => {
      const lines = [...refused('msg_1', level), retry('msg_1'), ...second(level), result()];
      expect(built(eventsOf(lines))).toMatchObject([
        { content: [text('I start')], stop_reason: 'refusal' },
        { stop_reason: 'end_turn' },
      ]);
    },
  );

  it('does not hold the next reply once the CLI has confirmed it', () => {
    const seen = eventsOf([...refused('msg_1'), retry('msg_1'), ...second().slice(0, 3)]);
    expect(seen.slice(-3).map(({ type }) => type)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
    ]);
  });

  it.each(['partial', 'complete'] as const)('ends once if it is final (%s)', (level) => {
    const lines = refused('msg_1', level);
    const at = level === 'partial' ? -2 : lines.length;
    lines.splice(at, 0, cliError('API Error', { refused_message_id: 'msg_1' }, 'refusal'));
    const end = result({ is_error: true, stop_reason: 'refusal', terminal_reason: 'api_error' });
    const { values, error } = run([...lines, end], (same) => same);
    expect(error).toMatchObject({ code: 'refusal', errorType: 'refusal', retryable: false });
    expect(built(values)).toMatchObject([{ content: [text('I start')], stop_reason: 'refusal' }]);
    expect(stopsOf(values)).toBe(1);
    expect(values.filter(({ type }) => type === 'message_delta')).toHaveLength(1);
  });
});

describe('a turn', () => {
  it('that was interrupted keeps its blocks, has no message_stop, and the session goes on', () => {
    const lines = reply({ id: 'msg_1', blocks: [text('A long repl')] }, 'partial').slice(0, -4);
    const stop = [
      complete('msg_1', text('A long repl'), { aborted: true }),
      eventOf('msg_1', { type: 'content_block_stop', index: 0 }),
      eventOf('msg_1', { type: 'message_delta', delta: { stop_reason: null }, usage: {} }),
      abandoned('msg_1', 1),
      errorResult('error_during_execution', { terminal_reason: 'aborted_streaming' }),
    ];
    const { values, error } = run(
      [init(), ...lines, ...stop, init(), ...second(), result()],
      (same) => same,
    );
    expect(error).toBeUndefined();
    expect(built(values)).toMatchObject([
      { content: [text('A long repl')], stop_reason: null },
      { stop_reason: 'end_turn' },
    ]);
    expect(stopsOf(values)).toBe(1);
    expect(run([init(), ...lines, ...stop], (same) => same).error).toMatchObject({
      code: 'aborted',
      partial: { content: [text('A long repl')] },
    });
  });

  it('is over when the next one begins, although its result arrives later', () => {
    const answer = (id: string, said: string) => complete(id, text(said));
    const lines = [init(), answer('msg_1', 'One.'), init(), answer('msg_2', 'Two.')];
    const events = eventsOf([...lines, result(), result()]);
    expect(blocks(events)).toEqual([[text('One.')], [text('Two.')]]);
    expect(stopsOf(events)).toBe(2);
  });
});

describe('a complete message that differs from the streamed block', () => {
  const lines = () => reply({ id: 'msg_1', blocks: [text('Hello wide world'), call] }, 'partial');
  const without = (at: number) => [init(), ...lines().toSpliced(at, 1), result()];

  it('adds the missing rest', () => {
    const last = lines().findIndex(({ type }) => type === 'assistant') - 1;
    expect(textOf(without(last))).toBe('Hello wide world');
    expect(eventsOf(without(last)).some(({ type }) => type === 'resume')).toBe(false);
  });

  it('replaces a block of which a delta in the middle is missing', () => {
    const events = eventsOf(without(3));
    expect(blocks(events)).toEqual([[text('Hello wide world'), call]]);
    // What was emitted is not emitted again.
    expect(textOf(without(3))).toBe('Helwide world');
    expect(run(without(3), accumulateText()).values.at(-1)).toBe('Hello wide world');
    expect(run(without(3), contentBlocks()).values).toEqual([text('Hello wide world'), call]);
  });

  it('adds the defaults of the CLI to the input of a call, with complete and partial messages', () => {
    const edit = toolUse('toolu_2', 'Edit', { file_path: '/a' });
    const withDefault = toolUse('toolu_2', 'Edit', { replace_all: false, file_path: '/a' });
    const streamedLines = reply({ id: 'msg_1', blocks: [edit], stopReason: 'tool_use' }, 'partial');
    const partial = streamedLines.map((line) =>
      line.type === 'assistant' ? complete('msg_1', withDefault) : line,
    );
    for (const own of [partial, [complete('msg_1', withDefault)]]) {
      expect(callsOf([init(), ...own, toolResult('toolu_2'), result()])).toEqual([withDefault]);
    }
  });

  it('emits no call whose input the CLI could not parse, with complete and partial messages', () => {
    const unparsed = toolUse('toolu_1', 'Bash', { __unparsedToolInput: { raw: '{"com', len: 5 } });
    const open = (fields: object) => eventOf('msg_1', { index: 0, ...fields });
    const streamedLines = [
      eventOf('msg_1', { type: 'message_start', message: header('msg_1') }),
      open({ type: 'content_block_start', content_block: { ...call, input: {} } }),
      open({
        type: 'content_block_delta',
        delta: { type: 'input_json_delta', partial_json: '{"com' },
      }),
    ];
    const behind = [complete('msg_1', unparsed), toolResult('toolu_1'), ...second(), result()];
    for (const own of [streamedLines, []]) {
      const { values, error } = run([init(), ...own, ...behind], toolUses());
      expect(values).toEqual([]);
      if (own.length === 0) expect(error).toMatchObject({ code: 'invalid_json' });
    }
  });
});

/** What the lines say of each reply: its complete blocks that stand, and the ending it was given. */
function factsOf(lines: readonly AgentMessage[], isPartial: boolean) {
  const facts = new Map<string, { blocks: Block[]; endings: unknown[] }>();
  const blocksById = new Map<string, [string, Block][]>();
  const gone = new Set<string>();
  const endings = new Map<string, unknown[]>();
  const tell = (id: string, reason: unknown) =>
    endings.set(id, [...(endings.get(id) ?? []), reason]);
  let last: string | undefined;
  for (const line of lines) {
    if (line.type === 'assistant') for (const uuid of line.supersedes ?? []) gone.add(uuid);
    if (line.type === 'system' && 'retracted_message_uuids' in line) {
      const { retracted_message_uuids: uuids } = line as unknown as Record<string, string[]>;
      for (const uuid of uuids ?? []) gone.add(uuid);
    }
    if (line.type === 'assistant' && !line.parent_tool_use_id && !line.is_api_error_message) {
      const { id, content, stop_reason } = line.message;
      last = id;
      const own = content.map((block): [string, Block] => [line.uuid, block]);
      blocksById.set(id, [...(blocksById.get(id) ?? []), ...own]);
      if (stop_reason) tell(id, stop_reason);
    }
    const refused = (line as { refused_message_id?: string }).refused_message_id;
    if (refused) tell(refused, 'refusal');
    if (line.type === 'stream_event' && line.event.type === 'message_delta') {
      if (line.event.delta.stop_reason) tell(line.api_message_id!, line.event.delta.stop_reason);
    }
    if (isPartial) continue;
    if (line.type === 'user' && !line.parent_tool_use_id && last) tell(last, 'tool_use');
    if (line.type === 'result' && !line.is_error && last) tell(last, line.stop_reason);
  }
  for (const [id, own] of blocksById) {
    const standing = own.filter(([uuid]) => !gone.has(uuid)).map(([, block]) => block);
    facts.set(id, { blocks: standing, endings: endings.get(id) ?? [] });
  }
  return { facts, endings };
}

const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

/** Every ending was told by a line: none is invented. */
function expectNoInventedEnding(lines: readonly AgentMessage[], isPartial: boolean): void {
  const { endings } = factsOf(lines, isPartial);
  const events = eventsOf(lines);
  for (const { id, stop_reason } of built(events)) {
    if (stop_reason !== null) expect(endings.get(id) ?? []).toContain(stop_reason);
  }
  let id = '';
  for (const event of events) {
    if (event.type === 'message_start') id = event.message.id;
    if (event.type === 'message_stop') expect(endings.has(id), `${id} has an ending`).toBe(true);
  }
}

/** No text but Claude's, and none of it twice. */
function expectEachCharacterOnce(
  lines: readonly AgentMessage[],
  all: readonly AgentMessage[],
): void {
  const said = new Map<string, string>();
  for (const line of all) {
    if (line.type !== 'stream_event' || line.event.type !== 'content_block_delta') continue;
    const { delta } = line.event;
    if (delta.type !== 'text_delta') continue;
    said.set(line.api_message_id!, (said.get(line.api_message_id!) ?? '') + delta.text);
  }
  for (const [id, own] of factsOf(all, true).facts) {
    const text = own.blocks.map((block) => (block.type === 'text' ? block.text : '')).join('');
    if (!said.has(id)) said.set(id, text);
  }
  let rest = [...said.values()].join('');
  for (const character of textOf(lines)) {
    const at = rest.indexOf(character);
    expect(at, `${character} of ${rest}`).toBeGreaterThanOrEqual(0);
    rest = rest.slice(at + character.length);
  }
}

describe.each(agentRecordings)('the recording $name', ({ lines, isPartial }) => {
  const withoutInput = (block: Block): object =>
    'input' in block ? { ...block, input: null } : block;

  it('emits the complete messages in the end', () => {
    const { facts } = factsOf(lines, isPartial);
    const messages = built(eventsOf(lines));
    for (const [id, { blocks: expected }] of facts) {
      const message = messages.find((one) => one.id === id);
      expect(plain(message?.content)).toEqual(plain(expected));
    }
    expectNoInventedEnding(lines, isPartial);
    expectEachCharacterOnce(lines, lines);
  });

  it('emits no ending without evidence, cut at every message', () => {
    for (const at of places(lines.length)) {
      const head = lines.slice(0, at);
      expectNoInventedEnding(head, isPartial);
      expectEachCharacterOnce(head, lines);
      const messages = built(eventsOf(head));
      for (const [id, { blocks: expected }] of factsOf(head, isPartial).facts) {
        const message = messages.find((one) => one.id === id);
        const standing = message?.content.slice(0, expected.length) ?? [];
        expect(plain(standing)).toEqual(plain(expected));
      }
    }
  });

  it('emits the complete messages with any one message left out', () => {
    const { facts: whole } = factsOf(lines, isPartial);
    for (const at of places(lines.length)) {
      const dropped = lines[at]!;
      const rest = lines.toSpliced(at, 1);
      expectNoInventedEnding(rest, isPartial);
      expectEachCharacterOnce(rest, lines);
      // What was streamed stands where its complete message is missing.
      const facts = isPartial ? whole : factsOf(rest, isPartial).facts;
      const wasComplete = isPartial && dropped.type === 'assistant';
      const messages = built(eventsOf(rest));
      for (const [id, { blocks: expected }] of facts) {
        const content = messages.find((one) => one.id === id)?.content ?? [];
        const compared = wasComplete ? withoutInput : (block: Block): object => block;
        // One that was interrupted or comes without a stream has no other line with its text.
        if (wasComplete && (dropped.aborted || dropped.message.stop_reason)) continue;
        expect(plain(content.map(compared)), `without line ${at}`).toEqual(
          plain(expected.map(compared)),
        );
      }
    }
  });
});

const bothKinds = agentRecordings.flatMap((one) => {
  const other = agentRecordings.find(
    ({ name }) => one.isPartial && name === one.name.replace('partial', 'message'),
  );
  return other ? [{ name: one.name, partial: one.lines, message: other.lines }] : [];
});

describe.each(bothKinds)('$name, with complete and partial messages', ({ partial, message }) => {
  it('emits the same text and calls', () => {
    const standing = (lines: AgentMessage[]) =>
      blocks(eventsOf(lines)).map((own) =>
        plain(own.map((block) => ({ ...block, signature: '' }))),
      );
    expect(standing(partial)).toEqual(standing(message));
    expect(plain(callsOf(partial))).toEqual(plain(callsOf(message)));
  });
});

it('gives a block once whose first line comes twice', () => {
  const lines = [
    init(),
    ...reply({ id: 'msg_1', blocks: [text('All of it.')] }, 'partial'),
    result(),
  ];
  for (let at = 0; at < lines.length; at++) {
    const doubled = [...lines.slice(0, at + 1), ...lines.slice(at)];
    expect(run(doubled, finalText()).values).toEqual(['All of it.']);
  }
});

it.each(['partial', 'complete'] as const)(
  'a reply that another session has left open has no ending (%s)',
  (level) => {
    const open = reply({ id: 'msg_1', blocks: [text('I begin.')] }, level);
    const whole = [init({ session_id: 'other' }), ...second(level), result()];
    const stop = open.findIndex((line) => JSON.stringify(line).includes('"message_stop"'));
    for (let at = 1; at < (stop < 0 ? open.length + 1 : stop); at++) {
      const events = eventsOf([init(), ...open.slice(0, at), ...whole]);
      expect(built(events).map(({ id }) => id)).toContain('msg_2');
      expect(stopsOf(events)).toBe(1);
    }
  },
);
