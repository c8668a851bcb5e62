import { fromResponse, isSubagentEvent, type StreamEvent, toSseResponse } from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import {
  defineTool,
  type PendingCall,
  type ResumedSubagent,
  runTools,
  type RunToolsOptions,
  type ToolAnswer,
  type ToolEvent,
  type TurnEndEvent,
} from 'claude-rx/tools';
import { filter, firstValueFrom, from, type Observable, of } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { params, received, until, useServer } from '../../support/server.ts';
import { after, ANSWER, isOurs, line, marble, schema, tool, turnEvents, turns } from './turns.ts';

type Event = StreamEvent | ToolEvent;

const user = (content: string) => ({ role: 'user' as const, content });
const asking = messageEvents
  .text('I will ask. ')
  .toolUse('agent', { n: 1 }, { id: 'toolu_agent' })
  .with({ id: 'msg_1' });
const done = messageEvents.text('All done.').with({ id: 'msg_2' });
const paying = (id: string) =>
  messageEvents
    .text('May I? ')
    .toolUse('look', { n: 2 }, { id: `toolu_look_${id}` })
    .toolUse('pay', { n: 3 }, { id: `toolu_pay_${id}` })
    .with({ id: `msg_${id}` });
const paid = messageEvents.text('It is paid.').with({ id: 'msg_paid' });

const lines = (events: readonly { type: string }[]) =>
  events
    .filter(isOurs)
    .filter((event) => !isSubagentEvent(event))
    .map(line);
const last = (events: readonly object[]) => events.at(-1) as TurnEndEvent;
const approve: RunToolsOptions['approve'] = ({ name }) => (name === 'pay' ? 'defer' : true);
const json = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
/** Approves each call that waits for that, in subagents too. */
const approveAll = (pending: readonly PendingCall[]): ToolAnswer[] =>
  pending.map((call) =>
    call.subagent
      ? { ...call, answers: approveAll(call.subagent.pending) }
      : { id: call.id, approved: true },
  );

describe('a subagent that waits for answers', () => {
  const http = useServer({ strict: true });
  const ran = vi.fn();
  beforeEach(() => ran.mockClear());

  const tools = [
    tool('look', ({ n }, { toolUseId }) => {
      ran(toolUseId);
      return `seen ${n}`;
    }),
    tool('pay', ({ n }, { toolUseId }) => {
      ran(toolUseId);
      return `paid ${n}`;
    }),
  ];
  const subagent = (appended: ResumedSubagent['appended'] = [], answers?: readonly ToolAnswer[]) =>
    runTools(
      http.client,
      { ...params, messages: [user('Pay the bill'), ...appended] },
      { tools, approve, answers },
    );
  const agent = (
    run: (...resumed: Parameters<typeof subagent>) => Observable<Event> = subagent,
    more: Partial<Parameters<typeof defineTool<typeof schema>>[0]> = {},
  ) =>
    defineTool({
      name: 'agent',
      description: 'For a test',
      input: schema,
      run: () => run(),
      resume: (_, { appended, answers }) => run(appended, answers),
      ...more,
    });
  const loop = (
    messages: object[] = params.messages,
    options: Partial<RunToolsOptions> = {},
  ): Observable<Event> =>
    runTools(http.client, { ...params, messages } as typeof params, {
      tools: [agent()],
      ...options,
    });
  /** The loop up to the interruption: the history, and what is pending. */
  async function interrupted(options?: Partial<RunToolsOptions>) {
    http.server.reply(asking, paying('a'));
    const events = await received(loop(params.messages, options));
    const { appended, pending = [] } = last(events);
    return { events, pending, messages: json([...params.messages, ...appended]) as object[] };
  }

  it('makes its call wait, with its own pending calls and its history as plain JSON', async () => {
    const { events, pending } = await interrupted();
    expect(lines(events)).toEqual(['agent start', 'turn 1: interrupted agent']);
    expect(pending).toEqual([
      {
        id: 'toolu_agent',
        name: 'agent',
        input: { n: 1 },
        awaits: 'subagent',
        subagent: {
          appended: [
            { role: 'assistant', content: [{ type: 'text' }, {}, {}] },
            { role: 'user', content: [{ tool_use_id: 'toolu_look_a', content: 'seen 2' }] },
          ].map((message) => expect.objectContaining({ role: message.role })),
          pending: [{ id: 'toolu_pay_a', name: 'pay', input: { n: 3 }, awaits: 'approval' }],
        },
      },
    ]);
    expect(json(pending)).toEqual(pending);
    expect(ran.mock.calls).toEqual([['toolu_look_a']]);
    // All that it has said was shown, its end too.
    const shown = events.filter((event) => isSubagentEvent(event as never)) as ToolEvent[];
    expect(shown.at(-1)).toMatchObject({ progress: { type: 'turn_end', outcome: 'interrupted' } });
    expect(last(events).subagents).toHaveLength(1);
  });

  it('continues with the answers in another process, and runs no tool twice', async () => {
    const { messages, pending } = await interrupted();
    http.server.reply(paid, done);
    const answers = approveAll(json(pending));
    const events = await received(loop(messages, { answers }));
    expect(lines(events)).toEqual([
      'agent start',
      'agent done: It is paid.',
      'answers from 2',
      'turn 1: end_turn',
    ]);
    expect(ran.mock.calls).toEqual([['toolu_look_a'], ['toolu_pay_a']]);
    // What it was sent: its own history, with the result of the call that was approved.
    expect(http.server.requests[2]?.body.messages).toMatchObject([
      { content: 'Pay the bill' },
      { role: 'assistant' },
      {
        content: [
          { tool_use_id: 'toolu_look_a', content: 'seen 2' },
          { tool_use_id: 'toolu_pay_a', content: 'paid 3' },
        ],
      },
    ]);
    expect(last(events).subagents).toHaveLength(1);
  });

  it('may wait again: the loop ends with `tool_answers`, without a request of its own', async () => {
    const first = await interrupted();
    http.server.reply(paying('b'));
    const again = await received(
      fromResponse<ToolEvent>(
        toSseResponse(loop(first.messages, { answers: approveAll(first.pending) })),
      ),
    );
    const end = again.at(-1) as ToolEvent & { type: 'tool_answers' };
    expect(end).toMatchObject({
      type: 'tool_answers',
      start: 2,
      messages: [],
      pending: [{ id: 'toolu_agent', awaits: 'subagent', subagent: { pending: [{}] } }],
      subagents: [{}],
    });
    const messages = [...first.messages.slice(0, end.start), ...end.messages];
    http.server.reply(paid, done);
    const events = await received(loop(messages, { answers: approveAll(end.pending!) }));
    expect(last(events)).toMatchObject({ outcome: 'end_turn' });
    expect(ran.mock.calls.flat()).toEqual([
      'toolu_look_a',
      'toolu_pay_a',
      'toolu_look_b',
      'toolu_pay_b',
    ]);
    expect(http.server.requests).toHaveLength(5);
  });

  it('keeps the results of the other calls if it waits again', async () => {
    const two = asking.toolUse('pay', { n: 9 }, { id: 'toolu_pay' });
    http.server.reply(two, paying('a'), paying('b'));
    const options = { tools: [agent(), tools[1]!], approve };
    const first = last(await received(loop(params.messages, options)));
    expect(first.pending?.map(({ awaits }) => awaits)).toEqual(['subagent', 'approval']);
    const messages = [...params.messages, ...first.appended];
    const answers = approveAll(first.pending!);
    const end = (await received(loop(messages, { ...options, answers }))).at(-1);
    expect(end).toMatchObject({
      type: 'tool_answers',
      messages: [{ role: 'user', content: [{ tool_use_id: 'toolu_pay', content: 'paid 9' }] }],
      pending: [{ id: 'toolu_agent' }],
    });
  });

  it('may have a subagent that waits too: the answers are nested like the calls', async () => {
    const middle = (appended: ResumedSubagent['appended'] = [], answers?: readonly ToolAnswer[]) =>
      runTools(
        http.client,
        { ...params, messages: [user('Have it paid'), ...appended] },
        { tools: [agent()], answers },
      );
    const outer = { tools: [agent(middle)] };
    http.server.reply(
      asking,
      messageEvents.toolUse('agent', { n: 1 }, { id: 'toolu_middle' }).with({ id: 'msg_m' }),
      paying('a'),
    );
    const { appended, pending = [] } = last(await received(loop(params.messages, outer)));
    expect(pending).toMatchObject([
      {
        awaits: 'subagent',
        subagent: {
          pending: [
            { id: 'toolu_middle', awaits: 'subagent', subagent: { pending: [{ name: 'pay' }] } },
          ],
        },
      },
    ]);
    http.server.reply(paid, messageEvents.text('They paid.').with({ id: 'msg_n' }), done);
    const messages = json([...params.messages, ...appended]);
    const [call] = json(pending);
    // The inner answers need not repeat what the call has.
    const answers: ToolAnswer[] = [
      {
        ...call!,
        answers: [{ id: 'toolu_middle', answers: [{ id: 'toolu_pay_a', approved: true }] }],
      },
    ];
    const events = await received(loop(messages, { ...outer, answers }));
    expect(lines(events)).toContain('agent done: They paid.');
    expect(ran.mock.calls.flat()).toEqual(['toolu_look_a', 'toolu_pay_a']);
  });

  it.each<[string, ToolAnswer, string]>([
    ['refused', { id: 'toolu_agent', approved: false }, 'agent denied: Error: This call was not'],
    ['given its result', { id: 'toolu_agent', result: 'By hand.' }, 'agent done: By hand.'],
    ['given an error', { id: 'toolu_agent', error: 'gone' }, 'agent failed: Error: gone'],
  ])('does not continue if its call is %s', async (_, answer, shown) => {
    const { messages } = await interrupted();
    http.server.reply(done);
    const events = await received(loop(messages, { answers: [answer] }));
    expect(lines(events)[0]).toContain(shown);
    expect(ran).toHaveBeenCalledTimes(1);
  });

  it('fails if its tool has no `resume`, with an error for the model', async () => {
    http.server.reply(asking, paying('a'), done);
    const plain = tool('agent', () => subagent());
    const events = await received(loop(params.messages, { tools: [plain] }));
    expect(lines(events)[1]).toBe(
      "agent failed: Error: The subagent did not finish: it ended with 'interrupted'. It wrote: May I? ",
    );
  });

  it('fails if its tool no longer has `resume`', async () => {
    const { messages, pending } = await interrupted();
    http.server.reply(done);
    const plain = tool('agent', () => subagent());
    const options = { tools: [() => of([plain])], answers: approveAll(pending) };
    expect(lines(await received(loop(messages, options)))[1]).toBe(
      "agent failed: Error: The subagent of 'agent' cannot go on: its tool has no `resume`",
    );
    expect(() => loop(messages, { ...options, tools: [plain] })).toThrow(
      /'agent' has no `resume`, so the subagent of the call 'toolu_agent' cannot continue/,
    );
  });

  it('stops when the continued loop is unsubscribed', async () => {
    const { messages, pending } = await interrupted();
    http.server.reply({ events: paid, fault: { kind: 'stall', beforeEvent: 3 } });
    const events$ = loop(messages, { answers: approveAll(pending) });
    await firstValueFrom(
      events$.pipe(
        filter((event) => isSubagentEvent(event as never)),
        filter((event) => (event as { progress: Event }).progress.type === 'message_start'),
      ),
    );
    await until(() => http.server.requests[2]?.outcome === 'client-left');
  });

  it.each<[string, (pending: PendingCall[]) => unknown, RegExp]>([
    [
      'without the subagent',
      () => ({ id: 'toolu_agent', answers: [] }),
      /answers\[0\] must have the `subagent` of the pending call besides `answers`/,
    ],
    [
      'with too few answers',
      ([call]) => ({ ...call, answers: [] }),
      /answers\[0\]\.answers: calls of the last reply wait for answers: 'toolu_pay_a' \(pay\)/,
    ],
    [
      'with an answer to another call',
      ([call]) => ({ ...call, answers: [{ id: 'toolu_look_a', approved: true }] }),
      /'toolu_look_a', but no such call waits for an answer; waiting: 'toolu_pay_a'/,
    ],
    [
      'with answers that are no list',
      ([call]) => ({ ...call, answers: {} }),
      /answers\[0\]\.answers: `answers` must be a list/,
    ],
    [
      'that says two things',
      ([call]) => ({ ...call, answers: [], approved: true }),
      /must have one of/,
    ],
  ])('throws a TypeError at the call for an answer %s', async (_, answer, message) => {
    const { messages, pending } = await interrupted();
    const start = () => loop(messages, { answers: [answer(pending) as ToolAnswer] });
    expect(start).toThrow(TypeError);
    expect(start).toThrow(message);
  });

  describe('in a Conversation', () => {
    const options = (more: Partial<RunToolsOptions> = {}) => ({
      tools: [agent()],
      cache: false as const,
      ...more,
    });
    const model = { model: params.model, max_tokens: params.max_tokens };
    const load = (document: unknown) =>
      Conversation.fromJSON(json(document), http.client, model, options());

    it('is saved with it, and continues, again and again', async () => {
      http.server.reply(asking, paying('a'));
      const before = new Conversation(http.client, model, options());
      await received(before.send('Pay'));
      expect(before.state.pending).toMatchObject([
        { id: 'toolu_agent', awaits: 'subagent', subagent: { pending: [{ id: 'toolu_pay_a' }] } },
      ]);

      const middle = load(before);
      expect(middle.toJSON()).toEqual(json(before));
      expect(middle.state.pending).toEqual(before.state.pending);
      http.server.reply(paying('b'));
      const pay = (id: string) => ({
        id: 'toolu_agent',
        answers: [{ id, approved: true as const }],
      });
      const { output_tokens } = middle.state.usage;
      await received(middle.answer([pay('toolu_pay_a')]));
      expect(middle.state).toMatchObject({
        status: 'idle',
        outcome: 'interrupted',
        pending: [{ subagent: { pending: [{ id: 'toolu_pay_b' }] } }],
      });
      expect(middle.state.usage.output_tokens).toBeGreaterThan(output_tokens);

      const after = load(middle);
      expect(after.state.pending).toEqual(middle.state.pending);
      http.server.reply(paid, done);
      await received(after.answer([pay('toolu_pay_b')]));
      expect(after.state).toMatchObject({ status: 'idle', outcome: 'end_turn', pending: [] });
      expect(JSON.stringify(after)).not.toContain('toolu_pay');
      expect(ran).toHaveBeenCalledTimes(4);
    });

    it('does not start again by an approval of its call', async () => {
      http.server.reply(asking, paying('a'));
      const conversation = new Conversation(http.client, model, options());
      await received(conversation.send('Pay'));
      expect(() => conversation.answer([{ id: 'toolu_agent', approved: true }])).toThrow(
        /the subagent of the call 'toolu_agent' \(agent\) has already started/,
      );
    });
  });
});

describe('a subagent that continues, in virtual time', () => {
  const callOf = (name: string) => ({
    role: 'assistant',
    content: [{ type: 'tool_use', id: `toolu_${name}`, name, input: { n: 1 } }],
  });
  const messages = [...params.messages, callOf('a')];
  const subagent = {
    appended: [callOf('b')],
    pending: [{ id: 'toolu_b', name: 'b', input: { n: 1 }, awaits: 'approval' }],
  };
  const answers = [
    { id: 'toolu_a', subagent, answers: [{ id: 'toolu_b', approved: true }] },
  ] as unknown as ToolAnswer[];

  function goOn(helpers: RunHelpers, options: Partial<RunToolsOptions> = {}) {
    const reply = helpers.cold<StreamEvent>('-mtTeS|', turnEvents);
    const agent = defineTool({
      name: 'a',
      description: 'For a test',
      input: schema,
      run: () => {
        throw new Error('must not begin anew');
      },
      resume: (_, resumed) =>
        runTools(
          () => reply,
          { ...params, messages: [...params.messages, ...resumed.appended] },
          { tools: [after(10, 'b')], answers: resumed.answers },
        ),
    });
    const run = turns(helpers, [ANSWER], { tools: [agent], answers, ...options }, { messages });
    const shown$ = run.shown$.pipe(filter((row) => !row.includes('progress')));
    return { reply, run, shown$ };
  }

  it(
    'runs the approved call, sends a request, and returns its text as the result',
    marble((helpers) => {
      const { reply, run, shown$ } = goOn(helpers);
      helpers.expectObservable(shown$).toBe('s 14ms (raE|)', {
        s: 'a start',
        r: 'a done: Hello',
        a: 'answers from 2',
        E: 'turn 1: end_turn',
      });
      helpers.expectSubscriptions(reply.subscriptions).toBe('10ms ^----!');
      helpers.flush();
      expect(run.requests[0]!.messages.at(-1)).toMatchObject({
        content: [{ tool_use_id: 'toolu_a', content: 'Hello' }],
      });
    }),
  );

  it(
    'is unsubscribed with the loop',
    marble((helpers) => {
      const { reply, run, shown$ } = goOn(helpers);
      helpers.expectObservable(shown$, '12ms !').toBe('s', { s: 'a start' });
      helpers.expectSubscriptions(reply.subscriptions).toBe('10ms ^-!');
      helpers.flush();
      expect(run.requests).toEqual([]);
    }),
  );

  it(
    'is unsubscribed at the timeout of its tool, with an error for the model',
    marble((helpers) => {
      const { reply, shown$ } = goOn(helpers, { timeout: 13 });
      helpers.expectObservable(shown$).toBe('s 12ms (raE|)', {
        s: 'a start',
        r: "a timeout: Error: 'a' did not finish within 13 ms",
        a: 'answers from 2',
        E: 'turn 1: end_turn',
      });
      helpers.expectSubscriptions(reply.subscriptions).toBe('10ms ^--!');
    }),
  );
});

describe('`resume` of defineTool', () => {
  it.each([
    ['is no function', { run: () => '', resume: 'yes' }, /`resume` must be a function/],
    ['has no `run`', { resume: () => '' }, /give `run` too/],
  ])('throws a TypeError if it %s', (_, more, message) => {
    const define = () =>
      defineTool({ name: 'a', description: 'd', input: schema, ...(more as object) });
    expect(define).toThrow(TypeError);
    expect(define).toThrow(message);
  });

  it('is not sent to the API', async () => {
    const requests: { tools: unknown }[] = [];
    const a = defineTool({
      name: 'a',
      description: 'd',
      input: schema,
      run: () => '',
      resume: () => '',
    });
    await received(
      runTools(
        (request) => {
          requests.push(request);
          return from(done);
        },
        params,
        { tools: [a] },
      ),
    );
    expect(requests[0]!.tools).toEqual([a.definition]);
    expect(a.definition).not.toHaveProperty('resume');
  });
});
