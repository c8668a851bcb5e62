import type Anthropic from '@anthropic-ai/sdk';
import { fromResponse, type StreamEvent, textOnly, toSseResponse } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { toAgUi } from 'claude-rx/ag-ui';
import { Conversation } from 'claude-rx/conversation';
import { toUiMessages } from 'claude-rx/ui';
import {
  type DefinedTool,
  defineTool,
  runTools,
  type RunToolsOptions,
  type ToolAnswer,
  type ToolEvent,
  type TurnEndEvent,
} from 'claude-rx/tools';
import { concat, defer, delay, filter, from, of, share, switchMap, take, tap } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { start, stop } from '../../operators/events.ts';
import { drawn } from '../../diagrams/drawn.ts';
import { failure, params, received, useServer } from '../../support/server.ts';
import {
  after,
  ANSWER,
  bare,
  drawnReply,
  isOurs,
  line,
  marble,
  schema,
  tool,
  turns,
  TWO,
} from './turns.ts';

const CALL = '(ma1AxS)';

const never = () => {
  throw new Error('must not run');
};

/** A tool that the client runs. */
const clientTool = (name: string) => defineTool({ name, description: 'For a test', input: schema });

const deferring: RunToolsOptions['approve'] = ({ name }) => (name === 'a' ? 'defer' : true);

const call = (name: string, more = {}) => ({
  type: 'tool_use',
  id: `toolu_${name}`,
  name,
  input: { n: 1 },
  ...more,
});
const result = (name: string, content: string, more = {}) => ({
  type: 'tool_result',
  tool_use_id: `toolu_${name}`,
  content,
  ...more,
});
const user = (...content: object[]) => ({ role: 'user', content });
const assistant = (...content: object[]) => ({ role: 'assistant', content });
const hi = params.messages[0]!;
/** A history in which the call of `a` is pending. */
const pending = [hi, assistant(call('a'))];
const approved: ToolAnswer[] = [{ id: 'toolu_a', approved: true }];
const change = (type: string, name: string) => ({
  role: 'system',
  content: [{ type, tool: { type: 'tool_reference', name } }],
});

function last(events: readonly object[]): TurnEndEvent {
  return events.at(-1) as TurnEndEvent;
}

describe('a deferred call', () => {
  it(
    'ends the turn as interrupted, once the other calls have their results',
    marble((helpers) => {
      const tools = [after(5, 'a'), after(30, 'b')];
      const run = turns(helpers, [TWO], { tools, approve: deferring });
      helpers.expectObservable(run.shown$).toBe('---------s 29ms (re|)', {
        s: 'b start',
        r: 'b done: b',
        e: 'turn 1: interrupted a',
      });
      helpers.expectSubscriptions(run.replies[0]!.subscriptions).toBe('^--------!');
    }),
  );

  it(
    'waits for an asynchronous approval that defers',
    marble((helpers) => {
      const approve = () => of('defer' as const).pipe(delay(20));
      const run = turns(helpers, [CALL], { tools: [after(5, 'a')], approve });
      helpers.expectObservable(run.shown$).toBe('20ms (e|)', { e: 'turn 1: interrupted a' });
    }),
  );

  it(
    'does not count for `concurrency`',
    marble((helpers) => {
      const tools = [after(5, 'a'), after(5, 'b')];
      const run = turns(helpers, [TWO], { tools, approve: deferring, concurrency: 1 });
      helpers.expectObservable(run.shown$).toBe('---------s 4ms (re|)', {
        s: 'b start',
        r: 'b done: b',
        e: 'turn 1: interrupted a',
      });
    }),
  );

  it('is every call of a tool without `run`', async () => {
    const events = await loop(['(ma1Ab2BxS)'], { tools: [clientTool('a'), after(1, 'b')] });
    expect(last(events)).toMatchObject({
      outcome: 'interrupted',
      pending: [{ id: 'toolu_a', name: 'a', input: { n: 1 }, awaits: 'result' }],
      appended: [assistant(call('a'), call('b', { input: { n: 2 } })), user(result('b', 'b'))],
    });
  });

  it('is plain JSON, with the history', async () => {
    const { pending: calls, appended } = last(
      await loop([CALL], { tools: [after(1, 'a')], approve: deferring }),
    );
    expect(JSON.parse(JSON.stringify({ calls, appended }))).toEqual({ calls, appended });
  });

  it.each([
    ['whose input is invalid', '(ma9AxS)', {}, 'a invalid_input: Error: The input is not what'],
    ['that is refused', CALL, { approve: () => false }, 'a denied: Error: This call was not'],
  ])('does not list a call %s: the model gets an error', async (_, reply, options, shown) => {
    const events = await loop([reply, ANSWER], { tools: [clientTool('a')], ...options });
    expect(lines(events)).toEqual([
      expect.stringContaining(shown),
      'turn 1: continue',
      'turn 2: end_turn',
    ]);
  });

  it('is pending after a reply that pauses', async () => {
    const events = await loop(['(ma1AtTpS)'], { tools: [clientTool('a')] });
    expect(lines(events)).toEqual(['turn 1: interrupted a']);
  });

  it('is pending after a stop reason of the option `stopReasons`', async () => {
    const events = await loop(['(ma1AeS)'], {
      tools: [clientTool('a')],
      stopReasons: ['end_turn'],
    });
    expect(lines(events)).toEqual(['turn 1: interrupted a']);
  });

  it.each([
    ['was cut', 'y', { outcome: 'max_tokens' }],
    ['was declined', 'f', { outcome: 'refusal' }],
    ['does not wait for tools', 'e', { outcome: 'end_turn', skipped: [{ id: 'toolu_a' }] }],
  ])('is not pending if it was eager and the reply %s', async (_, end, expected) => {
    const events = await loop([`(ma1AuU${end}S)`], { tools: [clientTool('a')], eager: true });
    expect(last(events)).toMatchObject(expected);
    expect(last(events)).not.toHaveProperty('pending');
    // What is left of it in the history is answered.
    const { appended } = last(events);
    const blocks = appended.flatMap(({ content }) => content as { type: string }[]);
    const count = (type: string) => blocks.filter((block) => block.type === type).length;
    expect(count('tool_result')).toBe(count('tool_use'));
  });

  it('is not pending if a `resume` withdrew it', async () => {
    const events = await loop(['(ma1AuUrtTeS)'], { tools: [clientTool('a')], eager: true });
    expect(lines(events)).toEqual(['turn 1: end_turn']);
  });

  it('defers the later calls of its toolset', async () => {
    const run = vi.fn(() => 'ok');
    const toolset = { type: 'computer_toolset_20260801', run };
    const reply = ['click', 'type']
      .flatMap((name, index) => [
        start(index, call(name, { toolset_name: 'computer' })),
        stop(index),
      ])
      .reduce((events, event) => events.event(event), messageEvents)
      .with({ stopReason: 'tool_use' });
    const approve = ({ name }: { name: string }) => (name === 'click' ? 'defer' : true);
    const events = await received(
      runTools(() => from([...reply]), params, {
        tools: [toolset],
        approve,
      }),
    );
    expect(lines(events)).toEqual(['turn 1: interrupted click type']);
    expect(run).not.toHaveBeenCalled();
    const messages = [hi, ...last(events).appended] as never;
    const next = await received(
      runTools(
        () => from([...messageEvents.text('Done.')]),
        { messages },
        {
          tools: [toolset],
          answers: [
            { id: 'toolu_click', approved: false },
            { id: 'toolu_type', approved: true },
          ],
        },
      ),
    );
    expect(lines(next)).toMatchObject([
      'click denied: Error: This call was not approved',
      'type failed: Error: Not executed: an earlier action in this turn failed.',
      'answers from 2',
      'turn 1: end_turn',
    ]);
  });

  async function loop(
    replies: string[],
    options: RunToolsOptions,
  ): Promise<(StreamEvent | ToolEvent)[]> {
    const events: ToolEvent[] = [];
    marble((helpers) => {
      const run = turns(helpers, replies, options);
      run.events$.subscribe((event) => events.push(event));
    })();
    return events;
  }
});

const lines = (events: readonly { type: string }[]) => events.filter(isOurs).map(line);

/** Those events that a picture shows. */
const isShown = ({ type }: { type: string }) => /^(tool_start|tool_result|turn_end)$/.test(type);
const shown = (type: string, more = {}) => expect.objectContaining({ type, ...more });

it(
  'waits for a click, and continues with the answer',
  drawn(
    'ToolAnswer',
    marble((helpers) => {
      const one = drawnReply(helpers, 'maxS|');
      const click = helpers.cold('--y', { y: 'approved' });
      const ran = helpers.cold('-(r|)', { r: 'paid' });
      const two = drawnReply(helpers, 'mtTeS|');
      const tools = [bare('a', () => ran)];
      const messages: Anthropic.MessageParam[] = [...params.messages];
      const ask$ = runTools(() => one, params, { tools, approve: () => 'defer' }).pipe(
        tap((event) => event.type === 'turn_end' && messages.push(...event.appended)),
      );
      const answer$ = defer(() =>
        runTools(() => two, { ...params, messages }, { tools, answers: approved }),
      );
      const loop$ = concat(
        ask$,
        click.pipe(
          take(1),
          switchMap(() => answer$),
        ),
      ).pipe(share());
      helpers.expectObservable(loop$.pipe(filter(isShown))).toBe('---I-sR---(E|)', {
        I: shown('turn_end', { outcome: 'interrupted' }),
        s: shown('tool_start'),
        R: shown('tool_result', { status: 'done' }),
        E: shown('turn_end', { outcome: 'end_turn' }),
      });
      helpers.expectObservable(loop$.pipe(textOnly())).toBe('--------T-|', { T: 'Hello' });
    }),
    {
      title: 'runTools()',
      inputs: ['turn1', 'click', 'tool', 'turn2'],
      outputs: ['events', 'text'],
    },
  ),
);

it(
  'does not run if its tool was withdrawn',
  drawn(
    'takeToolChanges',
    marble((helpers) => {
      const replies = [drawnReply(helpers, 'maxS|'), drawnReply(helpers, 'mtTeS|')];
      const messages = [...params.messages, change('tool_removal', 'a')];
      const loop$ = runTools(
        (_, { turn }) => replies[turn - 1]!,
        { ...params, messages },
        { tools: [bare('a', never)] },
      ).pipe(share());
      helpers
        .expectObservable(loop$.pipe(filter(({ type }) => type.startsWith('tool_'))))
        .toBe('---U---|', { U: shown('tool_result', { status: 'unknown_tool' }) });
      helpers.expectObservable(loop$.pipe(textOnly())).toBe('-----T-|', { T: 'Hello' });
    }),
    {
      title: 'runTools() after tool_removal',
      inputs: ['turn1', 'turn2'],
      outputs: ['events', 'text'],
    },
  ),
);

describe('the option `answers`', () => {
  const tools = [after(10, 'a'), after(30, 'b')];

  it(
    'runs an approved call, and sends its result',
    marble((helpers) => {
      const approve = vi.fn(() => false);
      const run = turns(
        helpers,
        ['-mtTAeS'],
        { tools, answers: approved, approve },
        { messages: pending },
      );
      helpers.expectObservable(run.shown$).toBe('s 9ms (ra) 2ms (e|)', {
        s: 'a start',
        r: 'a done: a',
        a: 'answers from 2',
        e: 'turn 1: end_turn',
      });
      helpers.expectSubscriptions(run.replies[0]!.subscriptions).toBe('10ms ^-----!');
      helpers.flush();
      expect(run.requests.map(({ messages }) => messages)).toEqual([
        [...pending, user(result('a', 'a'))],
      ]);
      expect(approve).not.toHaveBeenCalled();
    }),
  );

  const answered: [string, ToolAnswer, string, object][] = [
    [
      'a refusal',
      { id: 'toolu_a', approved: false, reason: 'too dangerous' },
      'a denied: Error: This call was not approved: too dangerous',
      { is_error: true },
    ],
    ['a result', { id: 'toolu_a', result: { ok: 1 } }, 'a done: {"ok":1}', {}],
    ['no content as the result', { id: 'toolu_a', result: undefined }, 'a done: undefined', {}],
    [
      'an error',
      { id: 'toolu_a', error: 'no camera' },
      'a failed: Error: no camera',
      { is_error: true },
    ],
    [
      'an error object',
      { id: 'toolu_a', error: new Error('gone') },
      'a failed: Error: gone',
      { is_error: true },
    ],
  ];
  it.each(answered)('tells the model %s, and runs nothing', (_, answer, shown, more) => {
    marble((helpers) => {
      const run = turns(helpers, [ANSWER], { tools, answers: [answer] }, { messages: pending });
      const rows = run.timetable();
      helpers.flush();
      expect(rows).toEqual([`0 ${shown}`, '0 answers from 2', '0 turn 1: end_turn', '0 complete']);
      expect(run.requests[0]!.messages.at(-1)).toMatchObject({
        content: [{ tool_use_id: 'toolu_a', ...more }],
      });
    })();
  });

  it(
    'puts the results of all calls into the order of the calls',
    marble((helpers) => {
      const messages = [
        hi,
        assistant(call('a'), call('b'), call('c')),
        user(result('b', 'b'), { type: 'text', text: 'Well?' }),
        change('tool_removal', 'c'),
      ];
      const answers: ToolAnswer[] = [
        { id: 'toolu_c', approved: true },
        { id: 'toolu_a', approved: true },
      ];
      const all = [...tools, after(1, 'c')];
      const run = turns(helpers, [ANSWER], { tools: all, answers }, { messages });
      const rows = run.timetable();
      helpers.flush();
      // The tool `c` was withdrawn meanwhile.
      expect(rows).toEqual([
        '0 a start',
        "0 c unknown_tool: Error: There is no tool 'c'; there are: a, b",
        '10 a done: a',
        '10 answers from 2',
        '10 turn 1: end_turn',
        '10 complete',
      ]);
      expect(run.requests[0]!.messages).toMatchObject([
        hi,
        messages[1],
        user(
          result('b', 'b'),
          result('a', 'a'),
          { tool_use_id: 'toolu_c', is_error: true },
          { type: 'text', text: 'Well?' },
        ),
        messages[3],
      ]);
    }),
  );

  it(
    'checks the input again',
    marble((helpers) => {
      const other = defineTool({
        name: 'a',
        description: 'Now with another input',
        input: z.object({ m: z.number() }),
        run: () => 'never',
      });
      const run = turns(
        helpers,
        [ANSWER],
        { tools: [other], answers: approved },
        { messages: pending },
      );
      const rows = run.timetable();
      helpers.flush();
      expect(rows[0]).toContain("a invalid_input: Error: The input is not what 'a' takes: m");
    }),
  );

  it(
    'runs at most `concurrency` calls at the same time, each within `timeout`',
    marble((helpers) => {
      const messages = [hi, assistant(call('a'), call('b'))];
      const answers: ToolAnswer[] = [...approved, { id: 'toolu_b', approved: true }];
      const options = { tools, answers, concurrency: 1, timeout: 20 };
      const rows = turns(helpers, [ANSWER], options, { messages }).timetable();
      helpers.flush();
      expect(rows).toEqual([
        '0 a start',
        '10 a done: a',
        '10 b start',
        "30 b timeout: Error: 'b' did not finish within 20 ms",
        '30 answers from 2',
        '30 turn 1: end_turn',
        '30 complete',
      ]);
    }),
  );

  it(
    'stops the tools when it is unsubscribed, and sends no request',
    marble((helpers) => {
      let signal: AbortSignal | undefined;
      const hanging = tool('a', (_, context) => {
        ({ signal } = context);
        return helpers.cold('-----');
      });
      const run = turns(
        helpers,
        [ANSWER],
        { tools: [hanging], answers: approved },
        { messages: pending },
      );
      helpers.expectObservable(run.shown$, '--!').toBe('s', { s: 'a start' });
      helpers.flush();
      expect(signal?.aborted).toBe(true);
      expect(run.requests).toEqual([]);
    }),
  );

  it(
    'emits all results before the request, which may fail',
    marble((helpers) => {
      const rows = turns(
        helpers,
        ['-#'],
        { tools, answers: approved },
        { messages: pending },
      ).timetable();
      helpers.flush();
      expect(rows).toEqual(['0 a start', '10 a done: a', '10 answers from 2', '11 connection']);
    }),
  );

  it(
    'does not force a tool again',
    marble((helpers) => {
      const run = turns(
        helpers,
        [ANSWER],
        { tools, answers: approved },
        { messages: pending, tool_choice: { type: 'tool', name: 'a' } },
      );
      run.timetable();
      helpers.flush();
      expect(run.requests[0]).toMatchObject({ tool_choice: { type: 'auto' } });
    }),
  );

  it('may be an empty list if no call is pending', () => {
    marble((helpers) => {
      const rows = turns(helpers, [ANSWER], { tools, answers: [] }).timetable();
      helpers.flush();
      expect(rows).toEqual(['0 turn 1: end_turn', '0 complete']);
    })();
  });

  it.each([
    ['are no list', { id: 'toolu_a', approved: true }, /must be a list of answers/],
    ['have no id', [{ approved: true }], /answers\[0\] must have the `id`/],
    ['say nothing', [{ id: 'toolu_a' }], /answers\[0\] must have one of `approved`, `result`/],
    ['say two things', [{ id: 'toolu_a', approved: true, result: 1 }], /must have one of/],
    ['say neither yes nor no', [{ id: 'toolu_a', approved: 'yes' }], /true or false, not yes/],
    [
      'have a wrong reason',
      [{ id: 'toolu_a', approved: false, reason: 1 }],
      /reason must be a text/,
    ],
    ['cannot be sent', [{ id: 'toolu_a', result: 1n }], /answers\[0\]\.result cannot be sent/],
    ['are there twice', [...approved, ...approved], /two answers to the call 'toolu_a'/],
    [
      'are to a call that does not wait',
      [...approved, { id: 'toolu_z', approved: true }],
      /id 'toolu_z', but no such call waits for an answer; waiting: 'toolu_a' \(a\)/,
    ],
    [
      'are missing',
      undefined,
      /calls of the last reply wait for answers: 'toolu_a' \(a\); give an answer/,
    ],
    ['are too few', [], /wait for answers: 'toolu_a' \(a\)/],
  ])('throws a TypeError at the call if answers %s', (_, answers, message) => {
    const options = { tools: [tool('a', () => '')], answers } as never;
    const start = () => runTools(() => of(), { messages: pending } as never, options);
    expect(start).toThrow(TypeError);
    expect(start).toThrow(message);
  });

  it('throws a TypeError if no call is pending, or an approved call has a tool without `run`', () => {
    const options = { tools: [clientTool('a')], answers: approved };
    expect(() => runTools(() => of(), params, options)).toThrow(
      /no such call waits for an answer; no call waits/,
    );
    expect(() => runTools(() => of(), { messages: pending } as never, options)).toThrow(
      /'a' has no `run`, so the call 'toolu_a' cannot be approved/,
    );
  });
});

describe('tools that have changed between the interruption and the answers', () => {
  const yes: ToolAnswer[] = approved;
  const byHand: ToolAnswer[] = [{ id: 'toolu_a', result: 'by hand' }];
  const fixed = (...tools: RunToolsOptions['tools']) => tools;
  const each = (...tools: DefinedTool[]): RunToolsOptions['tools'] => [() => of(tools)];
  const unknown = (there: string) =>
    `a unknown_tool: Error: There is no tool 'a'; there are: ${there}`;

  it.each<[string, RunToolsOptions['tools'], ToolAnswer[], string]>([
    ['vanished, and is approved', fixed(after(1, 'b')), yes, unknown('b')],
    ['vanished from a list that changes', each(after(1, 'b')), yes, unknown('b')],
    ['vanished, and the client has run it', fixed(after(1, 'b')), byHand, 'a done: by hand'],
    ['has a `run` now, and is approved', fixed(after(1, 'a')), yes, 'a done: a'],
    [
      'has a `run` now, and the client has run it',
      fixed(tool('a', never)),
      byHand,
      'a done: by hand',
    ],
    [
      'has lost its `run`, and the client has run it',
      each(clientTool('a')),
      byHand,
      'a done: by hand',
    ],
  ])('sends the result to the model if the tool %s', (_, tools, answers, shown) => {
    marble((helpers) => {
      const run = turns(helpers, [ANSWER], { tools, answers }, { messages: pending });
      const rows = run.timetable();
      helpers.flush();
      expect(rows.join()).toContain(`${shown},`);
      expect(rows.at(-1)).toContain('complete');
      expect(run.told()[0]).toContain(shown.replace(/^a \w+: /, 'a: '));
      expect(run.requests).toHaveLength(1);
    })();
  });

  it(
    'keeps a call pending, without a request, if its tool no longer has `run`',
    marble((helpers) => {
      const tools = each(clientTool('a'), after(5, 'b'));
      const messages = [hi, assistant(call('a'), call('b', { input: { n: 2 } }))];
      const answers: ToolAnswer[] = [...approved, { id: 'toolu_b', approved: true }];
      const run = turns(helpers, [ANSWER], { tools, answers }, { messages });
      const events: ToolEvent[] = [];
      run.events$.subscribe((event) => events.push(event));
      helpers.flush();
      expect(events.map(line)).toEqual(['b start', 'b done: b', 'answers from 2']);
      expect(events.at(-1)).toEqual({
        type: 'tool_answers',
        start: 2,
        messages: [user(result('b', 'b'))],
        pending: [{ id: 'toolu_a', name: 'a', input: { n: 1 }, awaits: 'result' }],
      });
      expect(run.requests).toEqual([]);

      // The result of `b` is in the history: only `a` is left to answer.
      const on = turns(
        helpers,
        [ANSWER],
        { tools, answers: byHand },
        { messages: [...messages, user(result('b', 'b'))] },
      );
      const rows = on.timetable();
      helpers.flush();
      expect(rows.map((row) => row.replace(/^\d+ /, ''))).toEqual([
        'a done: by hand',
        'answers from 2',
        'turn 1: end_turn',
        'complete',
      ]);
    }),
  );

  it(
    'does not call `approve`, and uses the current timeout and schema of the tool',
    marble((helpers) => {
      const approve = vi.fn(() => false);
      const slow = tool('a', () => of('late').pipe(delay(50)), { timeout: 10 });
      const options = { tools: each(slow), answers: approved, approve };
      const run = turns(helpers, [ANSWER], options, { messages: pending });
      const rows = run.timetable();
      helpers.flush();
      expect(rows.slice(0, 2)).toEqual([
        '0 a start',
        "10 a timeout: Error: 'a' did not finish within 10 ms",
      ]);
      expect(approve).not.toHaveBeenCalled();
    }),
  );

  it('is passed on unchanged by the readers of the loop', async () => {
    const tools = each(clientTool('a'));
    const loop$ = runTools(() => of(), { messages: pending } as never, {
      tools,
      answers: approved,
    });
    const events = (await received(loop$)) as (StreamEvent | ToolEvent)[];
    expect(events).toMatchObject([{ type: 'tool_answers', pending: [{ awaits: 'result' }] }]);
    const run = await received(from(events).pipe(toAgUi({ threadId: 't', runId: 'r' } as never)));
    expect(run.at(-1)).toMatchObject({ result: { stopReason: 'interrupted' } });
    const shown = await received(from(events).pipe(toUiMessages()));
    expect(shown.at(-1)).toMatchObject({ type: 'finish', finishReason: 'tool-calls' });
  });

  it('ends the Conversation as interrupted, and its next answer continues', async () => {
    let tools: DefinedTool[] = [tool('a', never)];
    const replies = [
      messageEvents.toolUse('a', { n: 1 }, { id: 'toolu_a' }),
      messageEvents.text('Done.'),
    ];
    const conversation = new Conversation(() => from(replies.shift()!), params as never, {
      tools: [() => of(tools)],
      approve: () => 'defer',
    });
    await received(conversation.send('Hi'));
    tools = [clientTool('a')];
    await received(conversation.answer(approved));
    expect(conversation.state).toMatchObject({
      status: 'idle',
      outcome: 'interrupted',
      pending: [{ id: 'toolu_a', awaits: 'result' }],
    });
    await received(conversation.answer(byHand));
    expect(conversation.state).toMatchObject({ outcome: 'end_turn', pending: [] });
  });
});

describe('deferred answers, over HTTP', () => {
  const http = useServer({ strict: true });
  const thinking = { type: 'enabled', budget_tokens: 500 } as const;

  it('continue in another process, with a history that the API accepts', async () => {
    const runs: string[] = [];
    const book = tool('book', ({ n }) => {
      runs.push(`book ${n}`);
      return 'Booked.';
    });
    const look = tool('look', () => 'Two rooms.');
    const place = clientTool('place');
    const reply = messageEvents
      .thinking('Where are they?', { signature: 'c2lnbmVk' })
      .text('One moment.')
      .toolUse('place', { n: 1 })
      .toolUse('look', { n: 2 })
      .toolUse('book', { n: 3 });
    http.server.reply(reply, messageEvents.thinking('So.').text('Booked for you.'));
    const approve: RunToolsOptions['approve'] = ({ name }) => (name === 'book' ? 'defer' : true);
    const tools = [book, look, place];
    const request = { ...params, thinking };
    const first = await received(runTools(http.client, request, { tools, approve }));
    expect(runs).toEqual([]);
    const end = last(first);
    expect(end.pending?.map(({ name }) => name)).toEqual(['place', 'book']);

    // Only JSON goes from here to there.
    const stored = JSON.stringify({ messages: [...params.messages, ...end.appended], end });
    const { messages, end: then } = JSON.parse(stored) as { messages: never[]; end: TurnEndEvent };
    const [where, what] = then.pending!;
    const answers = [
      { id: what!.id, approved: true as const },
      { id: where!.id, result: { lat: 41.9, lon: 12.5 } },
    ];
    const second = await received(
      runTools(http.client, { ...request, messages }, { tools, approve, answers }),
    );
    expect(runs).toEqual(['book 3']);
    expect(last(second)).toMatchObject({ outcome: 'end_turn', turn: 1 });

    // What the events say brings the history up to date: the next request is valid.
    const history: object[] = messages;
    for (const event of second) {
      if (event.type === 'tool_answers') history.splice(event.start, Infinity, ...event.messages);
      if (event.type === 'turn_end') history.push(...event.appended);
    }
    http.server.reply(messageEvents.text('You are welcome.'));
    const more = [...history, { role: 'user', content: 'Thanks' }] as never;
    await received(runTools(http.client, { ...request, messages: more }, { tools }));
    expect(http.server.requests).toHaveLength(3);
  });

  it('find a call whose id has another form in the history', async () => {
    const id = 'functions.a:0';
    http.server.reply(messageEvents.toolUse('a', { n: 1 }, { id }), messageEvents.text('Done.'));
    const tools = [tool('a', () => 'ran')];
    const first = await received(runTools(http.client, params, { tools, approve: () => 'defer' }));
    const { pending: calls, appended } = last(first);
    expect(calls).toEqual([{ id, name: 'a', input: { n: 1 }, awaits: 'approval' }]);
    const messages = [...params.messages, ...appended];
    const answers = [{ id, approved: true as const }];
    const second = await received(
      runTools(http.client, { ...params, messages }, { tools, answers }),
    );
    expect(second[0]).toMatchObject({ type: 'tool_start', tool_use_id: id, turn: 0 });
    expect(http.server.requests[1]?.body.messages.at(-1)).toMatchObject({
      content: [{ tool_use_id: 'functions_a_0', content: 'ran' }],
    });
  });

  it('pass through `toSseResponse` to a reader, to the end of the loop', async () => {
    http.server.reply(messageEvents.text('Done.'));
    const messages = pending as never;
    const tools = [tool('a', () => 'ran')];
    const sent$ = runTools(http.client, { ...params, messages }, { tools, answers: approved });
    const events = await received(fromResponse<ToolEvent>(toSseResponse(sent$)));
    expect(lines(events)).toEqual(['a start', 'a done: ran', 'answers from 2', 'turn 1: end_turn']);
  });

  it('lose nothing if the request fails', async () => {
    http.server.reply({ status: 400 } as never);
    const messages = pending as never;
    const tools = [tool('a', () => 'ran')];
    const events: ToolEvent[] = [];
    const loop = runTools(http.client, { ...params, messages }, { tools, answers: approved });
    const error = await failure(loop.pipe(tap((event) => events.push(event as ToolEvent))));
    expect(error.code).toBe('request');
    expect(events.at(-1)).toMatchObject({
      type: 'tool_answers',
      messages: [{ content: [{ content: 'ran' }] }],
    });
  });
});
