import {
  accumulateText,
  type BetaStreamEvent,
  contentBlocks,
  finalText,
  messageState,
  type MessageStreamError,
  smoothText,
  textOnly,
  toolUses,
} from 'claude-rx';
import { type AgentMessage, streamEvents } from 'claude-rx/agent';
import { from, last, lastValueFrom, type Observable, Subject, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type Block,
  blocks,
  built,
  complete,
  header,
  init,
  partial,
  reply,
  result,
  streamed,
  text,
  thinking,
  toolResult,
  toolUse,
} from '../agent/messages.ts';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';

function eventsOf(messages: Iterable<AgentMessage>, parent: string | null = null) {
  const events: BetaStreamEvent[] = [];
  from(messages)
    .pipe(streamEvents({ parent }))
    .subscribe((event) => events.push(event));
  return events;
}
const typesOf = (events: Iterable<BetaStreamEvent>) => Array.from(events, ({ type }) => type);
const all = <T>(values: Observable<T>) => lastValueFrom(values.pipe(toArray()));
const event = (type: string, fields: object = {}) => ({ type, ...fields }) as BetaStreamEvent;

const thought = thinking('I should look.');
const said = text('Let me look: grüße 🌥️.');
const call = toolUse('toolu_1');
const answer = text('It is a project.');

const levels = ['partial', 'complete'] as const;
type Level = (typeof levels)[number];
const turn = (level: Level): AgentMessage[] => [
  init(),
  ...reply({ id: 'msg_1', blocks: [thought, said, call], stopReason: 'tool_use' }, level),
  toolResult('toolu_1'),
  ...reply({ id: 'msg_2', blocks: [answer] }, level),
  result(),
];

describe('streamEvents with partial messages', () => {
  const M = event('message_start', { message: header('msg_1') });
  const [start, a, b] = streamed(text('Hello!'), 0) as BetaStreamEvent[];
  const stop = event('content_block_stop', { index: 0 });
  const x = event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: {} });
  const S = event('message_stop');
  const messages = {
    i: init(),
    A: complete('msg_1', text('Hello!')),
    r: result(),
    ...Object.fromEntries(
      Object.entries({ M, '[': start, a, b, ']': stop, x, S }).map(([name, one]) => [
        name,
        partial(one!),
      ]),
    ),
  };
  const values = { M, '[': start, a, b, ']': stop, x, S } as Record<string, BetaStreamEvent>;

  it(
    'passes the events on, and drops the complete message of a streamed block',
    drawn(
      'streamEvents',
      marbles((m) => {
        const source = m.hot('  -i-M-[-a-b-A-]-x-S-r|', messages);
        const expected = '      ---M-[-a-b---]-x---S|';
        m.expect(source.pipe(streamEvents())).toBeObservable(expected, values);
        m.expect(source).toHaveSubscriptions('^-------------------!');
      }),
    ),
  );

  it(
    'passes an error on, after the message_stop of a reply that had ended',
    marbles((m) => {
      const source = m.hot('  -M-[-a-x-S-#', messages);
      const expected = '      -M-[-a-x---(S#)';
      m.expect(source.pipe(streamEvents())).toBeObservable(expected, values);
    }),
  );

  it(
    'unsubscribes from the source on unsubscribe, also in the middle of a message',
    marbles((m) => {
      const source = m.cold(' -i-A-r|', messages);
      m.expect(source.pipe(streamEvents(), take(2), toArray(), take(1))).toBeObservable('---(v|)', {
        v: eventsOf([messages.A]).slice(0, 2),
      });
      m.expect(source).toHaveSubscriptions('^--!');
    }),
  );

  it('emits the same objects', () => {
    const events = eventsOf(turn('partial'));
    const given = turn('partial').flatMap((one) =>
      one.type === 'stream_event' ? [one.event] : [],
    );
    expect(events).toEqual(given);
    const own = partial(M);
    expect(eventsOf([own])[0]).toBe(own.event);
  });

  it.each([
    ['after the end of its block', 1],
    ['after the end of its reply', 3],
  ])('drops a complete message that arrives %s', (_, later) => {
    const messages = reply({ id: 'msg_1', blocks: [answer] }, 'partial');
    const at = messages.findIndex(({ type }) => type === 'assistant');
    const [line] = messages.splice(at, 1);
    messages.splice(at + later, 0, line!);
    expect(blocks(eventsOf([...messages, result()]))).toEqual([[answer]]);
  });

  it('drops a complete message that arrives after the start of the next reply', () => {
    const first = reply({ id: 'msg_1', blocks: [call], stopReason: 'tool_use' }, 'partial');
    const lines = first.filter(({ type }) => type === 'assistant');
    const [start, ...second] = reply({ id: 'msg_2', blocks: [answer] }, 'partial');
    const rest = first.filter(({ type }) => type !== 'assistant');
    const messages = [...rest, toolResult('toolu_1'), start!, ...lines, ...second, result()];
    expect(blocks(eventsOf(messages))).toEqual([[call], [answer]]);
  });

  it('takes the content of the complete message if Claude Code has changed it', () => {
    const changed = toolUse('toolu_1', 'Read', { file_path: '/elsewhere' });
    const messages = reply({ id: 'msg_1', blocks: [call] }, 'partial').map((one) =>
      one.type === 'assistant' ? complete('msg_1', changed) : one,
    );
    expect(blocks(eventsOf([...messages, result()]))).toEqual([[changed]]);
  });

  it('emits a block that was not streamed from its complete message, in its reply', () => {
    const messages = reply({ id: 'msg_1', blocks: [said] }, 'partial');
    messages.splice(-2, 0, complete('msg_1', call));
    const events = eventsOf([...messages, toolResult('toolu_1'), result()]);
    expect(blocks(events)).toEqual([[said, call]]);
    expect(typesOf(events).filter((type) => type === 'message_start')).toHaveLength(1);
  });

  it('emits a reply whose start was missed from its complete messages', () => {
    const messages = reply({ id: 'msg_1', blocks: [thought, said] }, 'partial').slice(4);
    const events = eventsOf([...messages, result()]);
    expect(blocks(events)).toEqual([[thought, said]]);
    expect(built(events)[0]).toMatchObject({
      stop_reason: 'end_turn',
      usage: { output_tokens: 20 },
    });
  });

  it('emits the next reply at once when the calls of a reply have results', () => {
    const first = reply({ id: 'msg_1', blocks: [call], stopReason: 'tool_use' }, 'partial');
    const second = reply({ id: 'msg_2', blocks: [answer] }, 'partial').slice(0, 3);
    const seen: string[] = [];
    const messages = new Subject<AgentMessage>();
    messages.pipe(streamEvents()).subscribe(({ type }) => seen.push(type));
    for (const one of [...first, toolResult('toolu_1'), ...second]) messages.next(one);
    expect(seen.slice(-4)).toEqual([
      'message_stop',
      ...second.map((one) => one.type === 'stream_event' && one.event.type),
    ]);
  });

  it('holds a reply while the reply before it may be withdrawn', () => {
    const first = reply({ id: 'msg_1', blocks: [said], stopReason: 'refusal' }, 'partial');
    const second = reply({ id: 'msg_2', blocks: [answer] }, 'partial');
    const at = second.findIndex(({ type }) => type === 'assistant');
    const before = first.flatMap((one) =>
      one.type === 'stream_event' && one.event.type !== 'message_stop' ? [one.event.type] : [],
    );
    const seen: string[] = [];
    const messages = new Subject<AgentMessage>();
    messages.pipe(streamEvents()).subscribe(({ type }) => seen.push(type));
    for (const one of [...first, ...second.slice(0, at)]) messages.next(one);
    expect(seen).toEqual(before);
    messages.next(second[at]!);
    expect(seen.slice(before.length)).toEqual([
      'message_stop',
      ...second.slice(0, at).map((one) => one.type === 'stream_event' && one.event.type),
    ]);
  });

  it('passes on pings and events of unknown types', () => {
    const messages = reply({ id: 'msg_1', blocks: [answer] }, 'partial');
    messages.splice(3, 0, partial(event('ping')), partial(event('weather', { rain: true })));
    expect(typesOf(eventsOf(messages))).toEqual(expect.arrayContaining(['ping', 'weather']));
  });
});

describe('streamEvents with complete messages', () => {
  it(
    'emits the events of each block at once, and message_stop when the reply is confirmed',
    drawn(
      'streamEvents-complete',
      marbles((m) => {
        const messages = { i: init(), A: complete('msg_1', text('Hello!')), r: result() };
        const source = m.hot('  -i-A------r---|', messages);
        const expected = '      ---(M[a])-(xS)|';
        const [M, start, a, stop, x, S] = eventsOf([messages.A, messages.r]);
        const values = { M, '[': start, a, ']': stop, x, S } as Record<string, BetaStreamEvent>;
        m.expect(source.pipe(streamEvents())).toBeObservable(expected, values);
      }),
      { title: 'streamEvents()' },
    ),
  );

  it('emits valid replies', () => {
    const events = eventsOf(turn('complete'));
    const block = 'content_block_start content_block_delta content_block_stop';
    const two = 'content_block_start content_block_delta content_block_delta content_block_stop';
    const end = 'message_delta message_stop';
    expect(typesOf(events).join(' ')).toBe(
      `message_start ${two} ${block} ${block} ${end} message_start ${block} ${end}`,
    );
    expect(built(events)).toMatchObject([
      { id: 'msg_1', content: [thought, said, call], stop_reason: 'tool_use' },
      { id: 'msg_2', content: [answer], stop_reason: 'end_turn', usage: { input_tokens: 10 } },
    ]);
  });

  it('takes a message of several blocks, one of plain text, and the same one twice', () => {
    const several = complete('msg_1', [thought, said]);
    const plain = complete('msg_2', answer);
    plain.message.content = 'plain' as never;
    expect(blocks(eventsOf([several, several, plain, result()]))).toEqual([
      [thought, said],
      [{ type: 'text', text: 'plain' }],
    ]);
  });

  it('leaves the last reply open if the source ends without a result', () => {
    expect(typesOf(eventsOf(turn('complete').slice(0, -1))).at(-1)).toBe('content_block_stop');
  });

  it('ignores malformed messages', () => {
    const odd = [
      { type: 'assistant', message: null },
      { type: 'assistant', message: { id: 'msg_0', content: [null, 1, 'x'] } },
      { type: 'assistant' },
      { type: 'stream_event', event: null },
      { type: 'stream_event', event: { type: 'message_start' } },
      { type: 'stream_event', event: { type: 'content_block_delta', index: 7 } },
      { type: 'user', message: { content: 'hi' } },
      { type: 'user' },
      { type: 'system', subtype: 'model_refusal_fallback', retracted_message_uuids: 'all' },
      { type: 'telemetry', session_id: 's' },
      { type: '' },
    ] as unknown as AgentMessage[];
    expect(blocks(eventsOf([...odd, ...turn('complete'), ...odd, result()]))).toEqual([
      [thought, said, call],
      [answer],
    ]);
  });
});

describe.each(levels)('streamEvents of %s messages', (level) => {
  it('emits the same text, each character once', async () => {
    const texts = await all(from(turn(level)).pipe(streamEvents(), textOnly()));
    expect(texts.join('')).toBe(`${said.type === 'text' && said.text}It is a project.`);
    if (level === 'complete') expect(texts).toHaveLength(2);
    else expect(texts.length).toBeGreaterThan(10);
  });

  it('emits each block, and each call when it is complete', async () => {
    expect(await all(from(turn(level)).pipe(streamEvents(), contentBlocks()))).toEqual([
      thought,
      said,
      call,
      answer,
    ]);
    expect(await all(from(turn(level)).pipe(streamEvents(), toolUses()))).toEqual([call]);
  });

  it('works with operators that follow one message, and with last() for the last', async () => {
    const first = from(turn(level)).pipe(streamEvents(), finalText());
    expect(await lastValueFrom(first)).toBe('Let me look: grüße 🌥️.');
    const final = from(turn(level)).pipe(streamEvents(), accumulateText(), last());
    expect(await lastValueFrom(final)).toBe('It is a project.');
    const state = await lastValueFrom(from(turn(level)).pipe(streamEvents(), messageState()));
    expect(state).toMatchObject({ status: 'complete', text: 'Let me look: grüße 🌥️.' });
  });

  it(
    'is shown character by character with smoothText behind it',
    marbles((m) => {
      const source = m.cold('a|', { a: null });
      const texts = source.pipe(
        () => from(turn(level)),
        streamEvents(),
        textOnly(),
        smoothText({ frame: 1, maxLatency: 100 }),
        toArray(),
      );
      const seen: string[][] = [];
      texts.subscribe((pieces) => seen.push(pieces));
      m.flush();
      expect(seen[0]!.join('')).toBe('Let me look: grüße 🌥️.It is a project.');
      expect(seen[0]!.length).toBeGreaterThan(30);
    }),
  );

  it('separates subagents, and emits each with `parent`', () => {
    const child = (parent: string, blockList: Block[]) =>
      reply({ id: `msg_${parent}`, blocks: blockList, parent }, level);
    const [a, b] = [
      child('toolu_1', [thought, said]),
      child('toolu_2', [answer, toolUse('toolu_9')]),
    ];
    const main = turn(level);
    const messages = main.flatMap((message, index) => {
      const more = [a[index], b[index]].filter((one) => one !== undefined);
      return [message, ...more];
    });
    messages.push(...a.slice(main.length), ...b.slice(main.length));
    expect(blocks(eventsOf(messages))).toEqual([[thought, said, call], [answer]]);
    expect(blocks(eventsOf(messages, 'toolu_1'))).toEqual([[thought, said]]);
    const events = eventsOf(messages, 'toolu_2');
    expect(blocks(events)).toEqual([[answer, toolUse('toolu_9')]]);
    // It has no result of its own: the end of the source is its end.
    expect(typesOf(events).at(-1)).toBe('message_stop');
  });

  it('withdraws what a later message supersedes, without message_stop', () => {
    const refused = reply({ id: 'msg_1', blocks: [said, call], stopReason: 'refusal' }, level);
    const supersedes = refused.flatMap((one) => (one.type === 'assistant' ? [one.uuid] : []));
    const next = reply({ id: 'msg_2', blocks: [answer] }, level).map((one) =>
      one.type === 'assistant' ? { ...one, supersedes } : one,
    );
    const events = eventsOf([...refused, ...next, result()]);
    expect(blocks(events)).toEqual([[answer]]);
    expect(typesOf(events).filter((type) => type === 'message_stop')).toHaveLength(1);
    const resume = events.find((one) => one.type === 'resume');
    expect(resume).toMatchObject({ keep: 0, attempt: 2 });
    const code: MessageStreamError['code'] = level === 'partial' ? 'refusal' : 'unknown';
    expect(resume?.error).toMatchObject({ code, retryable: false });
  });

  it('withdraws a part of it, and keeps the rest', () => {
    const first = reply({ id: 'msg_1', blocks: [thought, said, answer] }, level);
    const [gone] = first.flatMap((one) => (one.type === 'assistant' ? [one.uuid] : []));
    const next = reply({ id: 'msg_2', blocks: [text('And on.')] }, level).map((one) =>
      one.type === 'assistant' ? { ...one, supersedes: [gone!] } : one,
    );
    const events = eventsOf([...first, ...next, result()]);
    expect(blocks(events)).toEqual([[said, answer], [text('And on.')]]);
    expect(built(events)[0]).toMatchObject({
      stop_reason: level === 'partial' ? 'end_turn' : null,
    });
  });

  it('withdraws the messages named by a notice at the end of the turn', () => {
    const refused = reply({ id: 'msg_1', blocks: [said] }, level);
    const retracted_message_uuids = refused.flatMap((one) =>
      one.type === 'assistant' ? [one.uuid] : [],
    );
    const notice = {
      ...init(),
      subtype: 'model_refusal_fallback',
      retracted_message_uuids,
    } as unknown as AgentMessage;
    expect(blocks(eventsOf([...refused, notice, notice, result()]))).toEqual([]);
  });

  it('keeps an interrupted reply, without message_stop', () => {
    const whole = reply({ id: 'msg_1', blocks: [thought, text('Let me lo')] }, level);
    const at = whole.findLastIndex(({ type }) => type === 'assistant');
    const cut = { ...whole[at]!, aborted: true } as AgentMessage;
    const events = eventsOf([...whole.slice(0, at), cut, result()]);
    expect(blocks(events)).toEqual([[thought, text('Let me lo')]]);
    expect(typesOf(events)).not.toContain('message_stop');
    expect(typesOf(events).at(-1)).toBe('content_block_delta');
  });

  it('keeps the complete blocks of a reply that was cut off, and goes on with the next', () => {
    const whole = reply({ id: 'msg_1', blocks: [thought, said, answer] }, level);
    const at = whole.findIndex(
      (one) => one.type === 'assistant' && one.message.content[0] === said,
    );
    const next = reply({ id: 'msg_2', blocks: [said, answer] }, level);
    expect(blocks(eventsOf([...whole.slice(0, at), ...next, result()]))).toEqual([
      [thought],
      [said, answer],
    ]);
  });

  it('continues with the next turn after a result', () => {
    const second = reply({ id: 'msg_3', blocks: [text('More.')] }, level);
    expect(blocks(eventsOf([...turn(level), ...second, result()]))).toEqual([
      [thought, said, call],
      [answer],
      [text('More.')],
    ]);
  });
});

it('falls back from a stream to complete messages', () => {
  const broken = reply({ id: 'msg_1', blocks: [said] }, 'partial').slice(0, 4);
  const whole = reply({ id: 'msg_2', blocks: [said, answer] }, 'complete');
  expect(blocks(eventsOf([...broken, ...whole, result()]))).toEqual([[said, answer]]);
});

it('throws for a parent that is not an id', () => {
  expect(() => streamEvents({ parent: 1 as never })).toThrow(TypeError);
});
