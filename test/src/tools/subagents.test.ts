import {
  accumulateMessage,
  accumulateText,
  accumulateUsage,
  type AnyStreamEvent,
  citationsOnly,
  contentBlocks,
  encodeEvent,
  finalMessage,
  finalText,
  fromResponse,
  isSubagentEvent,
  jsonElements,
  measureStream,
  messageState,
  requireMessageStop,
  smoothText,
  type StreamEvent,
  type SubagentEvent,
  textOnly,
  thinkingOnly,
  toolUses,
  toSse,
  toSseResponse,
  type TurnEndEvent,
} from 'claude-rx';
import { toAgUi } from 'claude-rx/ag-ui';
import { Conversation } from 'claude-rx/conversation';
import { toMessageEvents } from 'claude-rx/nest';
import { messageEvents } from 'claude-rx/testing';
import {
  runTools,
  type RunToolsOptions,
  type ToolEvent,
  type ToolResultEvent,
} from 'claude-rx/tools';
import {
  concat,
  concatWith,
  delay,
  filter,
  firstValueFrom,
  from,
  groupBy,
  map,
  mergeMap,
  NEVER,
  type Observable,
  of,
  type OperatorFunction,
  reduce,
  share,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { drawn } from '../../diagrams/drawn.ts';
import { testScheduler } from '../../support/marbles.ts';
import { params, received, until, useServer } from '../../support/server.ts';
import { isOurs, tool, turnEvents } from './turns.ts';

type Event = StreamEvent | ToolEvent;

const usage = (input_tokens: number, output_tokens: number) => ({ input_tokens, output_tokens });
const first = messageEvents
  .text('Let me ask. ')
  .toolUse('research', { n: 1 }, { id: 'toolu_outer' })
  .with({ id: 'msg_1', usage: usage(10, 1) });
const last = messageEvents.text('It is one.').with({ id: 'msg_2', usage: usage(20, 2) });
const searching = messageEvents
  .thinking('Hm.')
  .text('inner words')
  .toolUse('search', { n: 1 }, { id: 'toolu_inner' })
  .with({ id: 'msg_i1', model: 'small', usage: usage(100, 10) });
const found = messageEvents
  .text('The answer is one.')
  .with({ id: 'msg_i2', model: 'small', usage: usage(200, 20) });

const search = tool('search', () => concat(of('half'), of({ secret: 1 }).pipe(delay(1))));

const inner = (replies: readonly Iterable<StreamEvent>[] = [searching, found]) =>
  runTools((_, { turn }) => from(replies[turn - 1] ?? []), params, { tools: [search] });

/** A loop whose first reply calls this tool. */
const outer = (
  run: () => unknown,
  options: Partial<RunToolsOptions> = {},
): Observable<StreamEvent | ToolEvent> =>
  runTools((_, { turn }) => from(turn === 1 ? first : last), params, {
    tools: [tool('research', run)],
    ...options,
  });

const resultIn = (events: readonly Event[]): ToolResultEvent =>
  events.find((event): event is ToolResultEvent => event.type === 'tool_result')!;
const endsIn = (events: readonly Event[]): TurnEndEvent[] =>
  events.filter((event) => event.type === 'turn_end');
const threadsIn = (events: readonly Event[]): SubagentEvent[] => events.filter(isSubagentEvent);

const all = await received(outer(() => inner()));

describe('a loop in a tool', () => {
  it('emits its events with the id of the call that runs it', async () => {
    const own = await received(inner());
    const shown = threadsIn(all);
    expect(shown.map(({ progress }) => progress)).toEqual(own);
    for (const { tool_use_id, parent_tool_use_id, name, turn } of shown) {
      expect([tool_use_id, parent_tool_use_id]).toEqual(['toolu_outer', 'toolu_outer']);
      expect([name, turn]).toEqual(['research', 1]);
    }
  });

  it('returns its last text as the result', () => {
    const { status, value, result } = resultIn(all);
    expect([status, value, result.content]).toEqual([
      'done',
      'The answer is one.',
      'The answer is one.',
    ]);
  });

  it('counts in the totals of the loop that calls it', () => {
    expect(endsIn(all)).toMatchObject([
      {
        usage: usage(10, 1),
        subagents: [{ model: 'small', usage: usage(300, 30) }],
        total: usage(310, 31),
      },
      { usage: usage(20, 2), total: usage(330, 33) },
    ]);
    expect(endsIn(all)[1]).not.toHaveProperty('subagents');
  });

  const plain = all.filter((event) => !isSubagentEvent(event));
  const operators: Record<string, OperatorFunction<Event, unknown>> = {
    textOnly: textOnly(),
    thinkingOnly: thinkingOnly(),
    citationsOnly: citationsOnly(),
    accumulateText: accumulateText(),
    accumulateMessage: accumulateMessage(),
    accumulateUsage: accumulateUsage(),
    finalMessage: finalMessage(),
    finalText: finalText(),
    messageState: messageState(),
    contentBlocks: contentBlocks(),
    toolUses: toolUses(),
    'textOnly and smoothText': (source) =>
      source.pipe(
        textOnly(),
        smoothText(),
        reduce((all, text) => all + text, ''),
      ),
    toAgUi: toAgUi({ threadId: 't', runId: 'r' } as never),
    jsonElements: (source) => source.pipe(jsonElements(z.unknown())),
  };
  it.each(Object.entries(operators))('does not mix into %s', async (_, operator) => {
    const outcome = (events: readonly Event[]) =>
      received(from(events).pipe(operator)).catch((error: Error) => error.message);
    expect(await outcome(all)).toEqual(await outcome(plain));
  });

  it('passes operators that pass all events on', async () => {
    expect(await received(from(all).pipe(requireMessageStop()))).toEqual(all);
    const metrics: unknown[] = [];
    await received(from(all).pipe(measureStream((one) => metrics.push(one))));
    expect(metrics).toHaveLength(1);
  });

  it('is sent to a reader without the values of its tools', async () => {
    const frames = (await received(from(all).pipe(toSse()))).join('');
    const sent = (await received(from(all).pipe(toMessageEvents()))).map(({ data }) => data);
    for (const text of [frames, JSON.stringify(sent)]) {
      expect(text).toContain('inner words');
      expect(text).not.toContain('"value"');
    }
    const read = fromResponse<ToolEvent>(toSseResponse(from(all)));
    const events = await received(read);
    expect(threadsIn(events)).toHaveLength(threadsIn(all).length);
    const texts = await received(from(events).pipe(textOnly()));
    expect(texts.join('')).toBe('Let me ask. It is one.');
    // What a log gets is whole.
    expect(all.map((event) => encodeEvent(event)).join('')).toContain('"secret":1');
  });

  it('can be read with any operator, by its id', async () => {
    const texts = from(all).pipe(
      filter(isSubagentEvent),
      groupBy(({ parent_tool_use_id: parent }) => parent),
      mergeMap((thread) =>
        thread.pipe(
          map(({ progress }) => progress),
          finalText(),
          map((text) => [thread.key, text]),
        ),
      ),
    );
    expect(await received(texts)).toEqual([['toolu_outer', 'The answer is one.']]);
  });

  it(
    'runs between the turns, and its text is not part of their text',
    drawn(
      'Subagent',
      () =>
        testScheduler().run(({ cold, expectObservable }) => {
          const { a, m, x, S, t, T, e, u, U } = turnEvents;
          const one = cold<StreamEvent>('maxS|', { m, a, x, S });
          const sub = cold<StreamEvent>('mtTeS|', { m, t, T, e, S });
          const two = cold<StreamEvent>('muUeS|', { m, u, U, e, S });
          const callA = tool('a', () => runTools(() => sub, params, { tools: [] }));
          const noInput = { ...callA, input: z.object({}) as never };
          const loop$ = runTools((_, { turn }) => (turn === 1 ? one : two), params, {
            tools: [noInput],
          }).pipe(share());
          const events$ = loop$.pipe(
            filter(isSubagentEvent),
            map(({ progress }) => progress),
          );
          const end = expect.objectContaining({ type: 'turn_end', outcome: 'end_turn' });
          const values = { m: { ...m, turn: 1 }, t, T, e, S, E: end };
          expectObservable(events$).toBe('---mtTe(SE)|', values);
          expectObservable(loop$.pipe(textOnly())).toBe('---------T-|', { T: 'Well' });
        }),
      {
        title: 'runTools()',
        inputs: ['turn1', 'subagent', 'turn2'],
        outputs: ['progress', 'text'],
      },
    ),
  );
});

describe('the end of a subagent', () => {
  it.each<[string, Observable<unknown>, string]>([
    [
      'is cut by max_tokens',
      inner([messageEvents.text('Half of').with({ stopReason: 'max_tokens' })]),
      "The subagent did not finish: it ended with 'max_tokens'. It wrote: Half of",
    ],
    [
      'refuses',
      inner([messageEvents.with({ stopReason: 'refusal' })]),
      "The subagent did not finish: it ended with 'refusal'. It wrote no text.",
    ],
    [
      'makes too many turns',
      runTools(() => from(searching), params, { tools: [search], maxTurns: 1 }),
      "The subagent did not finish: it ended with 'max_turns'. It wrote: inner words",
    ],
    [
      'waits for an answer',
      runTools(() => from(searching), params, { tools: [search], approve: () => 'defer' }),
      "The subagent did not finish: it ended with 'interrupted'. It wrote: inner words",
    ],
    [
      'is a reply that calls a tool',
      from(searching),
      "The subagent did not finish: it ended with 'tool_use'. It wrote: inner words",
    ],
    [
      'fails',
      concat(
        from([...found].slice(0, 3)),
        throwError(() => new Error('lost')),
      ),
      'lost',
    ],
  ])('is an error if it %s, and its usage counts', async (_, run, message) => {
    const events = await received(outer(() => run));
    const { status, result } = resultIn(events);
    expect([status, result.content]).toEqual(['failed', `Error: ${message}`]);
    expect(endsIn(events)[0]!.subagents).toHaveLength(1);
    expect(endsIn(events)).toHaveLength(2);
  });

  it('may be a single reply, with an unknown stop reason', async () => {
    const reply = messageEvents.text('Well.').with({ stopReason: 'vibe_shift' });
    const events = await received(outer(() => from(reply)));
    expect(resultIn(events)).toMatchObject({ status: 'done', value: 'Well.' });
    expect(threadsIn(events).map(({ progress }) => progress)).toEqual([...reply]);
  });

  it('is an error if its stream completes inside a reply', async () => {
    const cut = [...messageEvents.text('Well.')].slice(0, -2);
    const { status, result } = resultIn(await received(outer(() => from(cut))));
    expect(status).toBe('failed');
    expect(result.content).toMatch(/^Error: The stream ended before message_stop/);
  });

  it('is not its result if another value follows', async () => {
    const events = await received(outer(() => inner().pipe(concatWith(of({ score: 1 })))));
    expect(resultIn(events).result.content).toBe('{"score":1}');
    expect(endsIn(events)[1]!.total).toMatchObject(usage(330, 33));
  });

  it('is reported at its timeout, with the usage so far', async () => {
    const run = () => concat(from([...searching].slice(0, 4)), NEVER);
    const events = await received(outer(run, { timeout: 20 }));
    expect(resultIn(events).status).toBe('timeout');
    expect(endsIn(events)[0]!.total.input_tokens).toBe(110);
  });

  it('ignores progress that only resembles events', async () => {
    const run = () =>
      from([{ type: 'page' }, { type: 'turn_end' }, { type: 'message_stop' }, 'done']);
    const events = await received(outer(run));
    expect(threadsIn(events)).toEqual([]);
    expect(resultIn(events).result.content).toBe('done');
    expect(events.filter(({ type }) => type === 'tool_progress')).toHaveLength(3);
  });
});

describe('a subagent of a subagent', () => {
  const middle = () =>
    runTools(
      (_, { turn }) =>
        from(
          turn === 1
            ? messageEvents
                .text('deep? ')
                .toolUse('ask', { n: 1 }, { id: 'toolu_middle' })
                .with({ id: 'msg_m1', model: 'middle', usage: usage(1_000, 100) })
            : messageEvents
                .text('deep.')
                .with({ id: 'msg_m2', model: 'middle', usage: usage(2_000, 200) }),
        ),
      params,
      { tools: [tool('ask', () => inner())] },
    );

  it('is emitted with its own id, in the events of the call of the outer loop', async () => {
    const events = threadsIn(await received(outer(middle)));
    expect(new Set(events.map(({ tool_use_id }) => tool_use_id))).toEqual(new Set(['toolu_outer']));
    const of = (parent: string) =>
      events.filter((event) => event.parent_tool_use_id === parent).map(({ progress }) => progress);
    expect(of('toolu_middle')).toEqual(await received(inner()));
    expect(events.some(({ progress }) => isSubagentEvent(progress))).toBe(false);
    const texts = await received(from(of('toolu_outer')).pipe(textOnly()));
    expect(texts.join('')).toBe('deep? deep.');
  });

  it('counts once in the totals, under its model', async () => {
    const [end, lastEnd] = endsIn(await received(outer(middle)));
    expect(end!.subagents).toEqual([
      { model: 'middle', usage: expect.objectContaining(usage(3_000, 300)) },
      { model: 'small', usage: expect.objectContaining(usage(300, 30)) },
    ]);
    expect(lastEnd!.total).toMatchObject(usage(3_330, 333));
  });
});

describe('subagents, over HTTP', () => {
  const http = useServer({ strict: true });

  it('close their request when the outer loop is unsubscribed', async () => {
    http.server.reply(first, { events: found, fault: { kind: 'stall', beforeEvent: 3 } });
    const loop = runTools(http.client, params, {
      tools: [tool('research', () => runTools(http.client, params, { tools: [] }))],
    });
    await firstValueFrom(loop.pipe(filter(isSubagentEvent)));
    await until(() => http.server.requests[1]?.outcome === 'client-left');
  });
});

describe('stopWhen', () => {
  it('counts the usage of subagents, each model at its price', async () => {
    const seen: unknown[] = [];
    const events = await received(
      outer(() => inner(), {
        prices: (model) =>
          model === 'small' ? { input: 1, output: 1 } : { input: 100, output: 100 },
        stopWhen: ({ total, cost }) => {
          seen.push([total.input_tokens, cost?.toFixed(6)]);
          return true;
        },
      }),
    );
    expect(seen).toEqual([[310, ((11 * 100 + 330) / 1e6).toFixed(6)]]);
    expect(endsIn(events)).toMatchObject([{ outcome: 'stopped', subagents: [{ model: 'small' }] }]);
  });
});

describe('subagents in a Conversation', () => {
  it('count in its usage and cost, at the price of their model', async () => {
    let turn = 0;
    const conversation = new Conversation(() => from(turn++ === 0 ? first : last), params, {
      tools: [tool('research', () => inner())],
      prices: (model) =>
        model === 'small' ? { input: 1, output: 1 } : { input: 100, output: 100 },
    });
    const events = await received(
      (conversation.send('Hi') as Observable<Event>).pipe(filter(isOurs)),
    );
    expect(threadsIn(events).length).toBeGreaterThan(10);
    const { usage: used, cost } = conversation.state;
    expect(used).toMatchObject(usage(330, 33));
    expect(cost).toBeCloseTo((33 * 100 + 330) / 1e6, 12);
    expect(JSON.stringify(conversation.messages)).not.toContain('inner words');
  });
});

describe('an approved subagent that was deferred', () => {
  it('counts in the next turn', async () => {
    const tools = [tool('research', () => inner())];
    const deferred = runTools(() => from(first), params, { tools, approve: () => 'defer' });
    const [end] = endsIn(await received(deferred));
    const messages = [...params.messages, ...end!.appended];
    const on = runTools(
      () => from(last),
      { ...params, messages },
      {
        tools,
        answers: [{ id: 'toolu_outer', approved: true }],
      },
    );
    const [next] = endsIn(await received(on));
    expect(next).toMatchObject({ subagents: [{ model: 'small' }], total: usage(320, 32) });
  });
});

describe('isSubagentEvent', () => {
  it('accepts only events of subagents', () => {
    const event = { type: 'tool_progress', turn: 1, tool_use_id: 'a', name: 'a', progress: {} };
    expect(isSubagentEvent(event)).toBe(false);
    expect(isSubagentEvent({ ...event, parent_tool_use_id: 'a' } as AnyStreamEvent)).toBe(true);
    expect(isSubagentEvent({ type: 'ping' })).toBe(false);
  });
});
