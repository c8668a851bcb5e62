import {
  continueFrom,
  eventsOf,
  fromMessages,
  messageTimeout,
  retryResumable,
  type StreamEvent,
} from 'claude-rx';
import { messageEvents, type ReplyScript } from 'claude-rx/testing';
import { defineTool, runTools, type RunToolsOptions, type ToolEvent } from 'claude-rx/tools';
import { concat, filter, from, lastValueFrom, map, mergeMap, of, take, timer } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { failure, params, received, useServer } from '../../support/server.ts';
import { ANSWER, isOurs, line, marble, tool, turns } from './turns.ts';

const answer = messageEvents.text('Done.');
const ours = (events: { type: string }[]) => events.filter((event) => isOurs(event)) as ToolEvent[];
const lines = (events: { type: string }[]) => ours(events).map(line);

describe('runTools, over HTTP', () => {
  const http = useServer({ strict: true });

  it('runs the tools that the model calls until it answers', async () => {
    const getWeather = defineTool({
      name: 'get_weather',
      description: 'The weather in a city',
      input: z.object({ city: z.string() }),
      run: ({ city }) => `Sunny in ${city}`,
    });
    http.server.reply(
      messageEvents.text('Let me look.').toolUse('get_weather', { city: 'Paris' }, { id: 'a' }),
      messageEvents.text('It is sunny.'),
    );
    const events = await received(runTools(http.client, params, { tools: [getWeather] }));
    const shown = ours(events);
    expect(shown.map(({ type }) => type)).toEqual([
      'tool_start',
      'tool_result',
      'turn_end',
      'turn_end',
    ]);
    expect(shown[2]).toMatchObject({ turn: 1, outcome: 'continue', total: { input_tokens: 25 } });
    expect(shown[3]).toMatchObject({ turn: 2, outcome: 'end_turn', total: { input_tokens: 50 } });
    expect(http.server.requests[1]?.body.messages).toMatchObject([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ text: 'Let me look.' }, { id: 'a', name: 'get_weather' }] },
      { role: 'user', content: [{ tool_use_id: 'a', content: 'Sunny in Paris' }] },
    ]);
  });

  it('emits the preview of a tool, then its progress, then its result', async () => {
    http.server.reply(messageEvents.toolUse('slow', { city: 'Paris' }), answer);
    const slow = defineTool({
      name: 'slow',
      description: 'Takes a while',
      input: z.object({ city: z.string() }),
      preview: ({ partial$ }) => partial$.pipe(map(({ city }) => city)),
      run: () => concat(timer(0, 5).pipe(take(2)), of({ ok: true })),
    });
    const events = await received(runTools(http.client, params, { tools: [slow] }));
    expect(lines(events)).toEqual([
      'slow progress undefined',
      'slow progress "Par"',
      'slow progress "Paris"',
      'slow start',
      'slow progress 0',
      'slow progress 1',
      'slow done: {"ok":true}',
      'turn 1: continue',
      'turn 2: end_turn',
    ]);
  });

  it('sends back what the API accepts: thinking and its signature, blocks as results, no result', async () => {
    const image = {
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
    } as const;
    const document = {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: 'Chapter one' },
    } as const;
    const tools = [
      tool('a', async () => [{ type: 'text', text: 'See:' }, image, { type: 'text', text: '' }]),
      tool('b', () => document),
      tool('c', () => undefined),
    ];
    http.server.reply(
      messageEvents
        .thinking('Three of them.', { signature: 'c2lnbmVk' })
        .text('\n')
        .toolUse('a', { n: 1 })
        .toolUse('b', { n: 2 })
        .toolUse('c', { n: 3 }),
      answer,
    );
    const thinking = { type: 'enabled', budget_tokens: 500 } as const;
    const loop = runTools(http.client, { ...params, thinking }, { tools });
    expect((await received(loop)).at(-1)).toMatchObject({ outcome: 'end_turn' });
    const [, assistant, user] = http.server.requests[1]?.body.messages ?? [];
    expect(assistant.content[0]).toMatchObject({ thinking: 'Three of them.' });
    expect(user.content).toEqual([
      {
        type: 'tool_result',
        tool_use_id: 'toolu_2',
        content: [{ type: 'text', text: 'See:' }, image],
      },
      { type: 'tool_result', tool_use_id: 'toolu_3', content: [document] },
      { type: 'tool_result', tool_use_id: 'toolu_4' },
    ]);
  });

  it('sends a huge result, and one with half a surrogate pair', async () => {
    const huge = 'x'.repeat(5_000_000);
    const tools = [tool('a', () => huge), tool('b', () => [{ type: 'text', text: '\ud83d' }])];
    http.server.reply(messageEvents.toolUse('a', { n: 1 }).toolUse('b', { n: 2 }), answer);
    const events = await received(runTools(http.client, params, { tools }));
    expect(events.at(-1)).toMatchObject({ outcome: 'end_turn' });
    const results = http.server.requests[1]?.body.messages.at(-1).content;
    expect(results[0].content === huge).toBe(true);
    expect(results[1].content[0].text).toBe('\ufffd');
  });

  it('sends a valid history after a call with invalid JSON, and after half a surrogate pair', async () => {
    http.server.reply(
      messageEvents.text('Well \ud83d').toolUse('a', {}, { json: '{n: 1}' }).toolUse('a', { n: 2 }),
      answer,
    );
    const events = await received(runTools(http.client, params, { tools: [tool('a', () => 'a')] }));
    expect(lines(events)).toEqual([
      expect.stringContaining('a invalid_input: Error: '),
      'a start',
      'a done: a',
      'turn 1: continue',
      'turn 2: end_turn',
    ]);
  });

  describe('when the reply is cut', () => {
    const call = messageEvents.text('Let me look.').toolUse('a', { n: 1 });
    const inside = messageEvents.toolUse('a', {}, { json: '{"n":1' });
    const cuts: [string, ReplyScript, string][] = [
      [
        'max_tokens inside of a call',
        { events: inside.with({ stopReason: 'max_tokens' }) },
        'max_tokens',
      ],
      [
        'max_tokens, with JSON that is whole',
        { events: call.with({ stopReason: 'max_tokens' }) },
        'max_tokens',
      ],
      ['a refusal', { events: call.with({ stopReason: 'refusal' }) }, 'refusal'],
      [
        'an end after content_block_stop',
        { events: call, fault: { kind: 'end', beforeEvent: 11 } },
        'truncated',
      ],
      [
        'a reset after content_block_stop',
        { events: call, fault: { kind: 'rst', beforeEvent: 11 } },
        'connection',
      ],
      [
        'an overloaded error',
        { events: call, fault: { kind: 'error', beforeEvent: 11 } },
        'overloaded',
      ],
    ];
    for (const eager of [false, true]) {
      it.each(cuts)(`runs no tool, eager ${eager}: %s`, async (_, reply, end) => {
        const runs: unknown[] = [];
        http.server.reply(reply);
        const loop = runTools(http.client, params, {
          tools: [tool('a', (input) => runs.push(input))],
          eager,
        });
        const events: { type: string }[] = [];
        let code: unknown;
        await received(loop.pipe(map((event) => events.push(event)))).catch(
          (error) => ({ code } = error),
        );
        const last = events.at(-1) as { outcome?: unknown };
        expect(code ?? last.outcome).toBe(end);
        // The place is right: the call had come whole, its stop included.
        if (code) expect(last).toMatchObject({ type: 'content_block_stop', index: 1 });
        expect(runs).toEqual([]);
        expect(http.server.requests).toHaveLength(1);
      });
    }
  });

  it('accepts a request that continues a broken reply, and runs the calls of the joined reply', async () => {
    const runs: unknown[] = [];
    const signals: AbortSignal[] = [];
    const a = tool('a', ({ n }, { signal }) => {
      runs.push(n);
      signals.push(signal);
      // The first call runs until it is taken back.
      return n === 1 ? new Promise(() => {}) : `got ${n}`;
    });
    http.server.reply(
      {
        events: messageEvents.text('Let me look').toolUse('a', { n: 1 }).toolUse('a', { n: 5 }),
        fault: { kind: 'rst', beforeEvent: 15 },
      },
      messageEvents.text(' it up.').toolUse('a', { n: 2 }),
      { events: answer, delay: 20 },
    );
    const ask = (turnParams: typeof params) =>
      fromMessages(http.client, turnParams).pipe(messageTimeout({ liveness: 10_000 }));
    const loop = runTools(
      (turnParams) =>
        ask(turnParams as typeof params).pipe(
          retryResumable({
            resume: ({ partial }) => ask(continueFrom(turnParams as typeof params, partial)),
          }),
        ),
      params,
      { tools: [a], eager: true },
    );
    const events = await received(loop);
    expect(lines(events)).toEqual([
      'a start',
      'a withdrawn: The call was taken back',
      'a start',
      'a done: got 2',
      'turn 1: continue',
      'turn 2: end_turn',
    ]);
    expect(runs).toEqual([1, 2]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(http.server.requests[2]?.body.messages).toMatchObject([
      { content: 'Hi' },
      { content: [{ text: 'Let me look' }, { text: ' it up.' }, { input: { n: 2 } }] },
      { content: [{ content: 'got 2' }] },
    ]);
    const end = ours(events).find((event) => event.type === 'turn_end');
    expect(end).toMatchObject({ usage: { attempts: { length: 2 } } });
  });

  it('continues after pauses with open server tool calls, with the reply unchanged', async () => {
    const searching = messageEvents.text('Looking.').serverToolUse('web_search', { query: 'tea' });
    const found = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] };
    http.server.reply(
      searching.with({ stopReason: 'pause_turn' }),
      messageEvents.block(found).text('Found.').with({ stopReason: 'pause_turn' }),
      messageEvents.text('And more.'),
    );
    const events = await received(runTools(http.client, params, { tools: [] }));
    expect(lines(events)).toEqual(['turn 1: continue', 'turn 2: continue', 'turn 3: end_turn']);
    expect(http.server.requests[2]?.body.messages).toHaveLength(3);
  });

  it('answers a call from code execution, whose own result comes later, in the same container', async () => {
    const container = { id: 'container_1', expires_at: '2026-12-01T00:00:00Z' } as never;
    const result = { type: 'code_execution_tool_result', tool_use_id: 'srvtoolu_0', content: {} };
    http.server.reply(
      messageEvents
        .serverToolUse('code_execution', { code: 'await a(1)' })
        .toolUse('a', { n: 1 })
        .with({ container }),
      messageEvents.block(result).text('Done.').with({ container }),
    );
    const code = { type: 'code_execution_20260120', name: 'code_execution' } as const;
    const loop = runTools(http.client, params, { tools: [code, tool('a', () => 'a')] });
    expect((await received(loop)).at(-1)).toMatchObject({ outcome: 'end_turn' });
    expect(http.server.requests[1]?.body).toMatchObject({
      container: 'container_1',
      messages: [{}, { content: { length: 2 } }, { content: [{ type: 'tool_result' }] }],
    });
  });

  it('accepts a function that requests replies without streaming', async () => {
    http.server.reply(messageEvents.toolUse('a', { n: 1 }), answer);
    const loop = runTools(
      (turnParams) =>
        from(http.client.messages.create({ ...turnParams, stream: false })).pipe(
          mergeMap((message) => eventsOf(message)),
        ),
      params,
      { tools: [tool('a', () => 'a')] },
    );
    expect(lines(await received(loop))).toEqual([
      'a start',
      'a done: a',
      'turn 1: continue',
      'turn 2: end_turn',
    ]);
  });

  it('fails when a request fails, with the partial message, after the earlier turns', async () => {
    http.server.reply(messageEvents.toolUse('a', { n: 1 }), {
      events: messageEvents.text('Well then'),
      fault: { kind: 'rst', beforeEvent: 4 },
    });
    const loop = runTools(http.client, params, { tools: [tool('a', () => 'a')] });
    const seen: string[] = [];
    const error = await failure(
      loop.pipe(
        filter((event): event is StreamEvent | ToolEvent => isOurs(event)),
        map((event) => seen.push(event.type)),
      ),
    );
    expect(seen).toEqual(['tool_start', 'tool_result', 'turn_end']);
    expect(error).toMatchObject({ code: 'connection', requestId: 'req_2' });
    expect(error.partial?.content).toMatchObject([{ text: 'Well then'.slice(0, 8) }]);
  });

  it('answers two calls with the same id in one message, each with its own result', async () => {
    const twice = messageEvents
      .toolUse('a', { n: 1 }, { id: 'x' })
      .toolUse('a', { n: 2 }, { id: 'x' });
    http.server.reply(twice, answer);
    const a = tool('a', ({ n }) => `result ${n}`);
    const events = await received(runTools(http.client, params, { tools: [a] }));
    expect(lines(events).slice(-2)).toEqual(['turn 1: continue', 'turn 2: end_turn']);
    const [, reply, results] = http.server.requests[1]!.body.messages;
    expect(reply).toMatchObject({ content: [{ id: 'x' }, { id: 'x_2' }] });
    expect(results).toMatchObject({
      content: [
        { tool_use_id: 'x', content: 'result 1' },
        { tool_use_id: 'x_2', content: 'result 2' },
      ],
    });
  });

  it('fails if a reply has no message_start', async () => {
    const loop = runTools(() => [{ type: 'message_stop' } as StreamEvent], params, { tools: [] });
    expect(await failure(loop)).toMatchObject({ code: 'protocol' });
  });

  it('runs hundreds of turns, also if all of them are synchronous', async () => {
    const loop = runTools(
      (_, { turn }) => (turn < 400 ? messageEvents.toolUse('a', { n: turn }) : answer),
      params,
      { tools: [tool('a', () => 'a')], maxTurns: Infinity },
    );
    expect(await lastValueFrom(loop)).toMatchObject({ turn: 400, outcome: 'end_turn' });
  });
});

describe('runTools', () => {
  const a = tool('a', () => 'a');
  const wrong: [string, () => unknown, RegExp][] = [
    ['no client', () => runTools({} as never, params, { tools: [] }), /pass an SDK client/],
    ['no parameters', () => runTools(() => answer, undefined as never, { tools: [] }), /messages/],
    [
      'tools in the parameters',
      () => runTools(() => answer, { ...params, tools: [] } as never, { tools: [] }),
      /in the option `tools`/,
    ],
    ['no tools', () => runTools(() => answer, params, {} as never), /array of tools/],
    ['no tool', () => runTools(() => answer, params, { tools: ['a' as never] }), /not a/],
    [
      'the same name twice',
      () => runTools(() => answer, params, { tools: [a, a] }),
      /two tools named 'a'/,
    ],
    ...(
      [
        { maxTurns: 0 },
        { maxTurns: 1.5 },
        { concurrency: 0 },
        { concurrency: Number.NaN },
        { timeout: 0 },
        { timeout: '5' },
        { approve: true },
        { onUnknownTool: 'ignore' },
      ] as Record<string, unknown>[]
    ).map((options): [string, () => unknown, RegExp] => [
      JSON.stringify(options),
      () => runTools(() => answer, params, { tools: [], ...(options as Partial<RunToolsOptions>) }),
      new RegExp(`runTools: \`${Object.keys(options)[0]}\``),
    ]),
  ];

  it.each(wrong)('refuses when it is called: %s', (_, call, message) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });

  it('lets timers run, also if all turns are synchronous', async () => {
    let hasRun = false;
    setTimeout(() => (hasRun = true), 1);
    const busy = () => {
      for (const until = performance.now() + 1; performance.now() < until;);
    };
    const loop = runTools(
      (_, { turn }) => {
        busy();
        return hasRun ? answer : messageEvents.toolUse('a', { n: turn });
      },
      params,
      { tools: [tool('a', () => 'a')], maxTurns: 900 },
    );
    expect(await lastValueFrom(loop)).toMatchObject({ outcome: 'end_turn' });
  });

  it(
    'needs no real time in virtual time',
    marble((helpers) => {
      let now = 0;
      const clock = vi.spyOn(Date, 'now').mockImplementation(() => (now += 10));
      helpers.flush();
      const call = '(ma1AxS)';
      const rows = turns(helpers, [call, call, ANSWER], {
        tools: [tool('a', () => 'a')],
      }).timetable();
      helpers.flush();
      clock.mockRestore();
      expect(now).toBeGreaterThan(10);
      expect(rows.slice(-2)).toEqual(['0 turn 3: end_turn', '0 complete']);
    }),
  );
});
