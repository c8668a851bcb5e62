import type { StreamEvent } from 'claude-rx';
import {
  Conversation,
  type ConversationOptions,
  type ConversationState,
} from 'claude-rx/conversation';
import { messageEvents, toMarbles } from 'claude-rx/testing';
import { defineTool, type ToolAnswer } from 'claude-rx/tools';
import { delay, NEVER, of, retry } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { testScheduler } from '../../support/marbles.ts';
import { failure, received, until, useServer } from '../../support/server.ts';

const params = { model: 'claude-opus-5-5', max_tokens: 1024 };
const thinking = { type: 'enabled', budget_tokens: 500 } as const;
const input = z.object({ n: z.number() });
const done = messageEvents.text('Done.');

/** Calls of all tools: `look` runs at once, `wipe` waits for an approval, `place` is the client's. */
const asking = messageEvents
  .thinking('Hm.', { signature: 'c2lnbmVk' })
  .text('One moment.')
  .toolUse('wipe', { n: 1 }, { id: 'toolu_wipe' })
  .toolUse('look', { n: 2 }, { id: 'toolu_look' })
  .toolUse('place', { n: 3 }, { id: 'toolu_place' });

const answers: ToolAnswer[] = [
  { id: 'toolu_place', result: 'Rome' },
  { id: 'toolu_wipe', approved: true },
];

function tools(wipe: (n: number) => unknown = () => 'wiped') {
  const description = 'For a test';
  return [
    defineTool({ name: 'wipe', description, input, run: ({ n }) => wipe(n) }),
    defineTool({ name: 'look', description, input, run: () => 'seen' }),
    defineTool({ name: 'place', description, input }),
  ];
}

const approve: ConversationOptions['approve'] = ({ name }) => (name === 'wipe' ? 'defer' : true);

const callsOf = ({ messages }: Pick<ConversationState, 'messages'>) =>
  messages.flatMap(({ blocks }) =>
    blocks.flatMap(({ block, call }) =>
      call ? `${(block as { name: string }).name} ${call.status}` : [],
    ),
  );

describe('Conversation.answer', () => {
  const http = useServer({ strict: true });
  const talk = (wipe?: (n: number) => unknown, more: ConversationOptions = {}) =>
    new Conversation(
      http.client,
      { ...params, thinking },
      { tools: tools(wipe), approve, cache: false, ...more },
    );

  it('continues after a reload, once, with a history that the API accepts', async () => {
    http.server.reply(asking, messageEvents.thinking('So.').text('Wiped.'), done);
    const wipe = vi.fn(() => 'wiped');
    const before = talk(wipe);
    const events = await received(before.send('Wipe it'));
    expect(events.at(-1)).toMatchObject({ type: 'turn_end', outcome: 'interrupted' });
    expect(before.state).toMatchObject({
      status: 'idle',
      outcome: 'interrupted',
      pending: [
        { id: 'toolu_wipe', name: 'wipe', input: { n: 1 }, awaits: 'approval' },
        { id: 'toolu_place', name: 'place', input: { n: 3 }, awaits: 'result' },
      ],
    });
    expect(callsOf(before.state)).toEqual(['wipe pending', 'look done', 'place pending']);
    expect(wipe).not.toHaveBeenCalled();

    const document: unknown = JSON.parse(JSON.stringify(before));
    const after = Conversation.fromJSON(
      document,
      http.client,
      { ...params, thinking },
      { tools: tools(wipe), approve, cache: false },
    );
    expect(after.toJSON()).toEqual(document);
    expect(after.state.pending).toEqual(before.state.pending);
    const states: ConversationState[] = [];
    after.state$.subscribe((state) => states.push(state));
    const rest = await received(after.answer(answers));
    expect(wipe.mock.calls).toEqual([[1]]);
    expect(rest.at(-1)).toMatchObject({ outcome: 'end_turn' });
    expect(after.state).toMatchObject({ status: 'idle', outcome: 'end_turn', pending: [] });
    expect(callsOf(after.state)).toEqual(['wipe done', 'look done', 'place done']);
    const statuses = states.map(({ status }) => status);
    expect(statuses.filter((one, index) => one !== statuses[index - 1])).toEqual([
      'idle',
      'sending',
      'tool',
      'sending',
      'streaming',
      'idle',
    ]);
    // The thinking of both replies is sent back, in its place: the server checks it.
    await received(after.send('Thanks'));
    expect(JSON.stringify(http.server.requests.at(-1)!.body)).toContain('"thinking":"Hm."');
  });

  it('shows the status of the answered calls, in virtual time', () =>
    testScheduler().run(({ cold, flush }) => {
      const replies = [asking, done].map((reply) => {
        const { diagram, values } = toMarbles(reply);
        return cold<StreamEvent>(diagram, values);
      });
      let index = 0;
      const conversation = new Conversation(() => replies[index++]!, params, {
        tools: tools(() => of('half', 'wiped').pipe(delay(20))),
        approve,
      });
      const seen: string[] = [];
      conversation.send('Wipe it').subscribe({
        complete: () => {
          conversation.state$.subscribe((state) => {
            const row = `${state.status} ${callsOf(state).join(', ')}`;
            if (row !== seen.at(-1)) seen.push(row);
          });
          conversation.answer(answers).subscribe();
        },
      });
      flush();
      expect(seen).toEqual([
        'idle wipe pending, look done, place pending',
        'sending wipe pending, look done, place pending',
        'tool wipe running, look done, place pending',
        'tool wipe running, look done, place done',
        'tool wipe done, look done, place done',
        'sending wipe done, look done, place done',
        'streaming wipe done, look done, place done',
        'idle wipe done, look done, place done',
      ]);
    }));

  it('does not run a tool again if the request after it fails and is retried', async () => {
    http.server.reply(asking, { status: 529 } as never, done);
    const wipe = vi.fn(() => 'wiped');
    const conversation = talk(wipe);
    await received(conversation.send('Wipe it'));
    await received(conversation.answer(answers).pipe(retry(1)));
    expect(wipe).toHaveBeenCalledTimes(1);
    expect(conversation.state).toMatchObject({ status: 'idle', outcome: 'end_turn' });
    expect(conversation.messages).toHaveLength(3);
  });

  it('keeps the results if the request after them fails, before the next question', async () => {
    http.server.reply(asking, { status: 400 } as never, done);
    const conversation = talk();
    await received(conversation.send('Wipe it'));
    expect(await failure(conversation.answer(answers))).toMatchObject({ code: 'request' });
    expect(callsOf(conversation.state)).toEqual(['wipe done', 'look done', 'place done']);
    await received(conversation.send('And now?'));
    expect(conversation.state.status).toBe('idle');
  });

  it('is stopped with its tools; calls that have not started stay pending', async () => {
    http.server.reply(
      messageEvents
        .toolUse('wipe', { n: 1 }, { id: 'toolu_1' })
        .toolUse('wipe', { n: 2 }, { id: 'toolu_2' }),
      done,
    );
    const wipe = vi.fn((n: number) => (n === 1 ? NEVER : 'wiped'));
    const conversation = talk(wipe, { concurrency: 1 });
    await received(conversation.send('Wipe both'));
    const both: ToolAnswer[] = ['toolu_1', 'toolu_2'].map((id) => ({ id, approved: true }));
    const stopped = failure(conversation.answer(both));
    await until(() => conversation.state.status === 'tool');
    conversation.stop();
    expect(await stopped).toMatchObject({ code: 'aborted' });
    expect(callsOf(conversation.state)).toEqual(['wipe stopped', 'wipe pending']);
    expect(conversation.state.pending).toMatchObject([{ id: 'toolu_2' }]);
    await received(conversation.answer([{ id: 'toolu_2', approved: true }]));
    expect(wipe.mock.calls).toEqual([[1], [2]]);
    const told = http.server.requests.at(-1)!.body.messages.at(-1)!.content;
    expect(told).toMatchObject([{ is_error: true }, { content: 'wiped' }]);
  });

  it('refuses another question before, with advice', async () => {
    http.server.reply(asking);
    const conversation = talk();
    await received(conversation.send('Wipe it'));
    const error = await failure(conversation.send('Hello?'));
    expect(error.code).toBe('request');
    expect(error.message).toContain(
      "calls wait for answers: 'toolu_wipe' (wipe), 'toolu_place' (place); call `answer(...)` first",
    );
    expect(conversation.messages).toHaveLength(2);
    expect(conversation.state.pending).toHaveLength(2);
  });

  it('is not needed after regenerate and edit, which remove the calls', async () => {
    http.server.reply(asking, done, asking, done);
    const wipe = vi.fn();
    const conversation = talk(wipe);
    await received(conversation.send('Wipe it'));
    const late = conversation.answer(answers);
    await received(conversation.regenerate());
    expect(conversation.state.pending).toEqual([]);
    expect((await failure(late)).message).toContain('are no longer pending');
    await received(conversation.edit(0, 'Wipe it!'));
    expect(conversation.state.pending).toHaveLength(2);
    await received(conversation.edit(0, 'Do not.'));
    expect(conversation.state.pending).toEqual([]);
    expect(wipe).not.toHaveBeenCalled();
  });

  it('answers the calls of a fork separately', async () => {
    http.server.reply(asking, done, done);
    const conversation = talk();
    await received(conversation.send('Wipe it'));
    const fork = conversation.fork();
    expect(fork.state.pending).toEqual(conversation.state.pending);
    expect(conversation.fork(1).state.pending).toEqual([]);
    await received(fork.answer(answers));
    expect(fork.state.pending).toEqual([]);
    expect(conversation.state.pending).toHaveLength(2);
    await received(conversation.answer(answers.map(({ id }) => ({ id, error: 'no' }))));
    expect(callsOf(conversation.state)).toEqual(['wipe failed', 'look done', 'place failed']);
  });

  it('cannot be given twice', async () => {
    http.server.reply(asking, done);
    const conversation = talk();
    await received(conversation.send('Wipe it'));
    const answer$ = conversation.answer(answers);
    await received(answer$);
    expect((await failure(answer$)).message).toContain('are no longer pending');
    expect(() => conversation.answer(answers)).toThrow(
      /no such call waits for an answer; no call waits/,
    );
  });

  it.each<[string, unknown, RegExp]>([
    ['missing', [answers[0]], /'toolu_wipe' \(wipe\); give an answer to each/],
    ['double', [...answers, answers[0]], /two answers to the call 'toolu_place'/],
    ['to no call', [...answers, { id: 'x', approved: true }], /no such call waits .*; waiting: /],
    ['none', [...answers.slice(1), { id: 'toolu_place' }], /answers\[1\] must have one of/],
    ['for the client', answers.map(({ id }) => ({ id, approved: true })), /has no `run`/],
  ])('throws a TypeError at once for an answer that is %s', async (_, given, message) => {
    http.server.reply(asking);
    const conversation = talk();
    await received(conversation.send('Wipe it'));
    expect(() => conversation.answer(given as ToolAnswer[])).toThrow(TypeError);
    expect(() => conversation.answer(given as ToolAnswer[])).toThrow(message);
  });

  it('needs the option `tools`', () => {
    const conversation = new Conversation(http.client, params);
    expect(() => conversation.answer([])).toThrow(/only with the option `tools`/);
  });

  it('counts the tokens of a history with pending calls', async () => {
    http.server.reply(asking);
    const conversation = talk();
    await received(conversation.send('Wipe it'));
    await expect(received(conversation.countTokens())).resolves.toHaveLength(1);
  });

  it('uses the container of the reply, also after a reload', async () => {
    http.server.reply(
      asking.with({ container: { id: 'container_1', expires_at: '2027-01-01' } } as never),
      done,
    );
    const options = { tools: tools(), approve };
    const conversation = new Conversation(http.client, params, options);
    await received(conversation.send('Wipe it'));
    const saved: unknown = JSON.parse(JSON.stringify(conversation));
    const loaded = Conversation.fromJSON(saved, http.client, params, options);
    await received(loaded.answer(answers));
    expect(http.server.requests.map(({ body }) => body['container'])).toEqual([
      undefined,
      'container_1',
    ]);
  });

  it('finds a call by its original id, if another id is sent', async () => {
    const id = 'functions.wipe:0';
    const again = messageEvents.toolUse('wipe', { n: 1 }, { id });
    http.server.reply(again, done, again, done);
    const wipe = vi.fn(() => 'wiped');
    const conversation = talk(wipe);
    for (const question of ['Wipe it', 'Again']) {
      await received(conversation.send(question));
      expect(conversation.state.pending).toMatchObject([{ id }]);
      await received(conversation.answer([{ id, approved: true }]));
    }
    expect(wipe).toHaveBeenCalledTimes(2);
    expect(callsOf(conversation.state)).toEqual(['wipe done', 'wipe done']);
  });
});

describe('a conversation with stop conditions', () => {
  const call = messageEvents.toolUse('look', { n: 1 });

  it('stops as `stopped`, and the next question follows', async () => {
    const replies = [call, call, done];
    const conversation = new Conversation(() => replies.shift()!, params, {
      tools: tools(),
      stopWhen: ({ turn }) => turn === 2,
    });
    await received(conversation.send('Look'));
    expect(conversation.state).toMatchObject({ status: 'idle', outcome: 'stopped' });
    await received(conversation.send('And?'));
    expect(conversation.state).toMatchObject({ status: 'idle', outcome: 'end_turn' });
  });

  it('passes the cost to the conditions', async () => {
    const costs: unknown[] = [];
    const replies = [call, done];
    const conversation = new Conversation(() => replies.shift()!, params, {
      tools: tools(),
      prices: { input: 1, output: 1 },
      stopWhen: ({ cost }) => costs.push(cost) > 9,
    });
    await received(conversation.send('Look'));
    expect(costs).toEqual([expect.closeTo(conversation.state.cost! / 2)]);
  });

  it('runs tools after the stop reasons of `stopReasons`, with the status `tool`', async () => {
    const replies = [call.with({ stopReason: 'end_turn' }), done];
    const conversation = new Conversation(() => replies.shift()!, params, {
      tools: tools(),
      stopReasons: ['end_turn'],
    });
    const statuses = new Set<string>();
    conversation.state$.subscribe(({ status }) => statuses.add(status));
    await received(conversation.send('Look'));
    expect(callsOf(conversation.state)).toEqual(['look done']);
    expect([...statuses]).toEqual(['idle', 'sending', 'streaming', 'tool']);
  });
});

describe('a document with pending calls', () => {
  const document = (pending: unknown, more: object[] = [], results: object[] = []) => ({
    format: 'claude-rx/conversation',
    version: 1,
    usage: {
      input_tokens: 0,
      output_tokens: 0,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    },
    messages: [
      { key: 'm1', role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      {
        key: 'm2',
        role: 'assistant',
        status: 'complete',
        content: [{ type: 'tool_use', id: 'a', name: 'wipe', input: { n: 1 } }],
        results,
        pending,
      },
      ...more,
    ],
  });
  const read = (saved: unknown) =>
    Conversation.fromJSON(saved, () => NEVER, params, { tools: tools() });
  const waits = { id: 'a', awaits: 'approval' };
  const answered = { type: 'tool_result', tool_use_id: 'a', content: 'x' };

  it('is loaded', () => {
    expect(read(document([{ id: 'a', awaits: 'approval' }])).state.pending).toEqual([
      { id: 'a', name: 'wipe', input: { n: 1 }, awaits: 'approval' },
    ]);
  });

  it.each([
    ['no list', document('a'), /messages\[1\]\.pending: must be a list/],
    ['a text', document(['a']), /pending\[0\]: must be an object/],
    [
      'no call',
      document([{ ...waits, id: 'b' }]),
      /\[1\]\.pending\[0\]\.id: must be the id of a call/,
    ],
    [
      'an answered call',
      document([waits], [], [answered]),
      /pending\[0\]\.id: must be the id of a call/,
    ],
    ['no reason', document([{ id: 'a' }]), /pending\[0\]\.awaits: must be 'approval', 'result' or/],
    ...(
      [
        [undefined, 'subagent: must be an object'],
        [{ pending: [] }, 'subagent.appended: must be a list'],
        [{ appended: [1], pending: [] }, 'subagent.appended[0]: must be an object'],
        [{ appended: [] }, 'subagent.pending: must be a list'],
        [{ appended: [], pending: [{}] }, 'subagent.pending[0].id: must be a string'],
        [{ appended: [], pending: [{ id: 'x' }] }, 'subagent.pending[0].awaits: must be'],
      ] as const
    ).map(([subagent, problem]): [string, object, string] => [
      `a subagent (${problem})`,
      document([{ id: 'a', awaits: 'subagent', subagent }]),
      `messages[1].pending[0].${problem}`,
    ]),
    [
      'a call of an earlier message',
      document([waits], [{ key: 'm3', role: 'user', content: [{ type: 'text', text: 'Hm' }] }]),
      /messages\[1\]\.pending: must be in the last reply only/,
    ],
  ])('is refused if it names %s', (_, saved, message) => {
    expect(() => read(saved)).toThrow(message);
  });
});
