import { verifyEvents } from '@ag-ui/client';
import type { RunAgentInput } from '@ag-ui/core';
import { json } from 'node:stream/consumers';
import {
  type AnyStreamEvent,
  continueFrom,
  fromMessages,
  MessageStreamError,
  pipeToResponse,
  retryResumable,
  type StreamEvent,
  toSseResponse,
} from 'claude-rx';
import { AG_UI_SSE, type AgUiEvent, fromRunInput, toAgUi } from 'claude-rx/ag-ui';
import { Conversation } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools, type RunToolsOptions } from 'claude-rx/tools';
import {
  concat,
  EMPTY,
  from,
  map,
  NEVER,
  type Observable,
  of,
  Subject,
  type Subscription,
  take,
  tap,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { drawn } from '../../../diagrams/drawn.ts';
import { pageOf, pageOver, runPage, type TestAgent, user } from '../../../support/agUiPage.ts';
import { useHttpServers } from '../../../support/httpServers.ts';
import { testScheduler } from '../../../support/marbles.ts';
import { contentOfAgUi } from '../../../support/pageContent.ts';
import { expectPageOfFault, faultKinds, faultsOf } from '../../../support/replyFaults.ts';
import { params, received, useServer } from '../../../support/server.ts';

const RUN = { threadId: 't', runId: 'r' };

const lost = new MessageStreamError('secret address', { code: 'connection' });

function typesOf(events: readonly { type: string }[]): string[] {
  return events.map(({ type }) => type);
}

/** The events of a run, which AG-UI's verifier has accepted. */
function run(
  source: Observable<AnyStreamEvent>,
  input: Parameters<typeof toAgUi>[0] = { ...RUN, messages: [user('Hi')] },
): Promise<AgUiEvent[]> {
  return received(source.pipe(toAgUi(input), verifyEvents() as never));
}

describe('a reply', () => {
  it(
    'becomes the events of a run as it comes, and the end is stated',
    drawn(
      'toAgUi',
      () =>
        testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
          const [m, begin, a, b, end, x, S] = [...messageEvents.text('Hello', { chunk: 3 })];
          const events = { m, '[': begin, a, b, ']': end, x, S } as Record<string, AnyStreamEvent>;
          const types = {
            R: 'RUN_STARTED',
            s: 'STEP_STARTED',
            T: 'TEXT_MESSAGE_START',
            a: 'TEXT_MESSAGE_CONTENT Hel',
            b: 'TEXT_MESSAGE_CONTENT lo',
            E: 'TEXT_MESSAGE_END',
            f: 'STEP_FINISHED',
            F: 'RUN_FINISHED',
          };
          const shown = ({ type, delta }: { type: string; delta?: unknown }) =>
            typeof delta === 'string' ? `${type} ${delta}` : type;
          const source = cold('--m-[-a-----b-]-x-S---|', events);
          const result = '     R-s---(Ta)--b-----(Ef)(F|)';
          expectObservable(source.pipe(toAgUi(RUN), map(shown))).toBe(result, types);
          expectSubscriptions(source.subscriptions).toBe('^---------------------!');
        }),
      { title: 'toAgUi(input)' },
    ),
  );

  it('becomes a run with its text in one message', async () => {
    const events = await run(from([...messageEvents.text('Hello', { chunk: 3 })]));
    expect(events).toMatchObject([
      { type: 'RUN_STARTED', threadId: 't', runId: 'r' },
      { type: 'STEP_STARTED', stepName: 'turn 1' },
      { type: 'TEXT_MESSAGE_START', messageId: 'r.1.1', role: 'assistant' },
      { type: 'TEXT_MESSAGE_CONTENT', messageId: 'r.1.1', delta: 'Hel' },
      { type: 'TEXT_MESSAGE_CONTENT', messageId: 'r.1.1', delta: 'lo' },
      { type: 'TEXT_MESSAGE_END', messageId: 'r.1.1' },
      { type: 'STEP_FINISHED', stepName: 'turn 1' },
      { type: 'RUN_FINISHED', result: { stopReason: 'end_turn' }, outcome: { type: 'success' } },
    ]);
  });

  it('sends the signature of its thinking, and redacted thinking', async () => {
    const reply = messageEvents
      .thinking('Hm', { signature: 'sig' })
      .redactedThinking('data')
      .text('So');
    const { messages } = await runPage(pageOf((input) => from([...reply]).pipe(toAgUi(input))));
    expect(messages).toMatchObject([
      { role: 'user' },
      { role: 'reasoning', content: 'Hm', encryptedValue: expect.stringContaining('"sig"') },
      { role: 'reasoning', content: '', encryptedValue: expect.stringContaining('"data"') },
      { role: 'assistant', content: 'So' },
    ]);
    expect(fromRunInput({ messages: [...messages, user('More')] }).messages[1]).toEqual({
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm', signature: 'sig' },
        { type: 'redacted_thinking', data: 'data' },
        { type: 'text', text: 'So' },
      ],
    });
    // TanStack AI makes new ids, and sends no metadata.
    const renamed = messages.map(({ metadata: _, ...one }: any, index) =>
      one.role === 'reasoning' ? { ...one, id: `new-${index}` } : one,
    );
    expect(fromRunInput({ messages: [...renamed, user('More')] })).toEqual(
      fromRunInput({ messages: [...messages, user('More')] }),
    );
  });

  it('counts the tokens of the cache as a part of the input', async () => {
    const usage = {
      input_tokens: 1,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 300,
      output_tokens: 4,
    };
    const events = await run(from(messageEvents.text('x').with({ usage, model: 'm' })));
    expect(events.at(-1)).toMatchObject({
      usage: [
        {
          provider: 'anthropic',
          model: 'm',
          inputTokens: 321,
          cachedInputTokens: 20,
          cacheWriteInputTokens: 300,
        },
      ],
    });
  });

  it('leaves out pings, notices and unknown events', async () => {
    const [start, ...rest] = [...messageEvents.text('x')];
    const others = [{ type: 'ping' }, { type: 'notice', text: 'n' }, { type: 'new' }];
    const events = await run(from([...others, start, ...others, ...rest] as StreamEvent[]));
    expect(typesOf(events)).toEqual(typesOf(await run(from([start!, ...rest]))));
  });

  it('is unsubscribed with the run', () => {
    const source = new Subject<StreamEvent>();
    const subscription = source.pipe(toAgUi(RUN)).subscribe();
    expect(source.observed).toBe(true);
    subscription.unsubscribe();
    expect(source.observed).toBe(false);
  });

  it('stops a burst when its reader leaves', async () => {
    let count = 0;
    const source = from([...messageEvents.text('Hello', { chunk: 1 })]).pipe(tap(() => count++));
    await received(source.pipe(toAgUi(RUN), take(4)));
    expect(count).toBe(3);
  });
});

describe('an ending', () => {
  const [start, ...rest] = [...messageEvents.text('Hello', { chunk: 3 })] as [StreamEvent];

  it.each([
    [
      'an error',
      concat(
        of(start, ...rest.slice(0, 2)),
        throwError(() => lost),
      ),
      'connection',
    ],
    ['an end in the middle', of(start, ...rest.slice(0, 2)), 'truncated'],
    ['no event at all', EMPTY, 'truncated'],
    [
      'an error event',
      of(start, { type: 'error', error: { type: 'overloaded_error', message: 'x' } } as never),
      'overloaded',
    ],
  ])('is RUN_ERROR after %s, with a masked message', async (_, source, code) => {
    const page = await runPage(pageOf((input) => source.pipe(toAgUi(input))));
    expect(page.error).toMatchObject({ type: 'RUN_ERROR', code });
    expect(page.finished).toBeUndefined();
    expect(page.error?.message).not.toContain('secret');
  });

  it('has the text that errorText gives', async () => {
    const source = throwError(() => lost);
    const events = await received(
      source.pipe(toAgUi(RUN, { errorText: ({ message }) => message })),
    );
    expect(events.at(-1)).toEqual({
      type: 'RUN_ERROR',
      message: 'secret address',
      code: 'connection',
    });
  });

  it('is cancelled after a stop', async () => {
    const stop = new MessageStreamError('stop', { code: 'aborted' });
    const events = await run(
      concat(
        of(start, ...rest.slice(0, 2)),
        throwError(() => stop),
      ),
    );
    expect(events.at(-1)).toMatchObject({ type: 'RUN_FINISHED', outcome: { type: 'cancelled' } });
    expect(typesOf(events)).toContain('TEXT_MESSAGE_END');
  });

  it('says why the reply stopped', async () => {
    const events = await run(from(messageEvents.text('x').with({ stopReason: 'max_tokens' })));
    expect(events.at(-1)).toMatchObject({ result: { stopReason: 'max_tokens' } });
  });
});

describe('a reply that breaks and goes on', () => {
  const api = useServer();
  const resumable = () =>
    fromMessages(api.client, params).pipe(
      retryResumable({
        resume: ({ partial }) => fromMessages(api.client, continueFrom(params, partial)),
        delay: 0,
      }),
    );

  it('continues in the same message', async () => {
    api.server.reply({
      events: messageEvents.text('Hello world', { chunk: 3 }),
      fault: { kind: 'end', beforeEvent: 4 },
    });
    api.server.reply(messageEvents.text('world'));
    const events: AgUiEvent[] = [];
    const page = await runPage(
      pageOf((input) =>
        resumable().pipe(
          toAgUi(input),
          tap((event) => events.push(event)),
        ),
      ),
    );
    expect(page.error).toBeUndefined();
    expect(typesOf(events)).toContain('MESSAGES_SNAPSHOT');
    expect(page.messages).toMatchObject([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello world' },
    ]);
  });

  it('withdraws the thinking and the call that were cut off', async () => {
    const first = messageEvents
      .thinking('One', { signature: 's1' })
      .toolUse('look', { at: 'x' }, { id: 'toolu_1' });
    api.server.reply({ events: first, fault: { kind: 'end', beforeEvent: 7 } });
    api.server.reply(messageEvents.thinking('Two', { signature: 's2' }).text('Done'));
    const page = await runPage(pageOf((input) => resumable().pipe(toAgUi(input))));
    expect(contentOfAgUi(page.newMessages)).toEqual({
      text: 'Done',
      reasoning: 'Two',
      calls: [],
      results: [],
    });
    expect(page.pendingToolCallIds).toEqual([]);
  });

  it('fails if the messages of the page are not known', async () => {
    const first = messageEvents.thinking('One', { signature: 's1' });
    api.server.reply({ events: first, fault: { kind: 'end', beforeEvent: 4 } });
    api.server.reply(messageEvents.text('Done'));
    const events = await run(resumable(), RUN);
    expect(events.at(-1)).toMatchObject({ type: 'RUN_ERROR', code: 'protocol' });
  });
});

describe('calls of tools', () => {
  const api = useServer({ strict: true });
  const input = z.object({ path: z.string() });
  const description = 'For a test';
  const remove = defineTool({ name: 'remove', description, input, run: () => 'Removed' });
  const pageTools = [
    { name: 'locate', description: 'Where the user is', parameters: { type: 'object' } },
  ];

  function agentOf(options: Partial<RunToolsOptions> = {}): TestAgent {
    return pageOf((runInput) => {
      const { messages, tools, answers } = fromRunInput(runInput);
      return runTools(
        api.client,
        { ...params, messages },
        { tools: [remove, ...tools], answers, ...options },
      ).pipe(toAgUi(runInput));
    });
  }

  it('have their results, and the loop goes on', async () => {
    api.server.reply(
      messageEvents.text('I do').toolUse('remove', { path: 'a' }, { id: 'toolu_1' }),
    );
    api.server.reply(messageEvents.text('Done'));
    const { newMessages, pendingToolCallIds } = await runPage(agentOf());
    expect(contentOfAgUi(newMessages)).toEqual({
      text: 'I doDone',
      reasoning: '',
      calls: [{ name: 'remove', input: { path: 'a' } }],
      results: ['Removed'],
    });
    expect(pendingToolCallIds).toEqual([]);
  });

  it('wait for the page where it has the tool', async () => {
    api.server.reply(messageEvents.toolUse('locate', {}, { id: 'toolu_1' }));
    const agent = agentOf();
    const first = await runPage(agent, { tools: pageTools });
    expect(first.pendingToolCallIds).toEqual(['toolu_1']);
    agent.addMessage({ id: 'answer', role: 'tool', toolCallId: 'toolu_1', content: 'Rome' });
    api.server.reply(messageEvents.text('You are in Rome'));
    const second = await runPage(agent, { tools: pageTools });
    expect(second.error).toBeUndefined();
    expect(api.server.requests.at(-1)!.body.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: [expect.objectContaining({ id: 'toolu_1', input: {} })] },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'Rome' }],
      },
    ]);
  });

  it.each([
    [{ approved: true }, 'resolved', 'Removed'],
    [
      { approved: false, reason: 'keep it' },
      'resolved',
      'Error: This call was not approved: keep it',
    ],
    [{}, 'resolved', 'Error: This call was not approved'],
    [undefined, 'cancelled', 'Error: This call was not approved'],
  ] as const)('wait for approval, answered by %j', async (payload, status, content) => {
    api.server.reply(
      messageEvents
        .toolUse('remove', { path: 'a' }, { id: 'toolu_1' })
        .toolUse('remove', { path: 'b' }, { id: 'toolu_2' }),
    );
    const agent = agentOf({
      approve: ({ input: { path } }: { input: any }) => (path === 'a' ? 'defer' : true),
    } as never);
    const first = await runPage(agent);
    expect(first.interrupts).toMatchObject([{ id: 'toolu_1', toolCallId: 'toolu_1' }]);
    api.server.reply(messageEvents.text('Well'));
    const second = await runPage(agent, {
      resume: [{ interruptId: 'toolu_1', status, ...(payload && { payload }) }],
    });
    expect(second.error).toBeUndefined();
    const results = second.messages.filter(({ role }) => role === 'tool');
    expect(results.map((one) => [(one as { toolCallId: string }).toolCallId, one.content])).toEqual(
      expect.arrayContaining([
        ['toolu_2', 'Removed'],
        ['toolu_1', content],
      ]),
    );
    // And whatever comes then.
    agent.addMessage(user('More'));
    api.server.reply(messageEvents.text('Fine'));
    expect((await runPage(agent)).error).toBeUndefined();
  });

  it('wait for the page where their tool has no `run`, also one that the page did not name', async () => {
    const show = defineTool({ name: 'show', description, input });
    api.server.reply(messageEvents.toolUse('show', { path: 'a' }, { id: 'toolu_1' }));
    const first = await runPage(agentOf({ tools: [show] }));
    expect(first.pendingToolCallIds).toEqual(['toolu_1']);
    expect(first.interrupts).toEqual([]);
    // For TanStack AI.
    const value = { toolCallId: 'toolu_1', toolName: 'show', input: { path: 'a' } };
    expect(first.customs).toEqual([{ type: 'CUSTOM', name: 'tool-input-available', value }]);
  });

  it('wait for approval also where the page has a tool of that name', async () => {
    api.server.reply(messageEvents.toolUse('remove', { path: 'a' }, { id: 'toolu_1' }));
    const agent = agentOf({ tools: [remove], approve: () => 'defer' });
    const first = await runPage(agent, { tools: [{ ...pageTools[0]!, name: 'remove' }] });
    expect(first.interrupts).toMatchObject([{ id: 'toolu_1', toolCallId: 'toolu_1' }]);
  });

  it('that were cut are not pending, and are not sent back', async () => {
    const reply = messageEvents
      .text('So')
      .toolUse('remove', {}, { json: '{"path":', id: 'toolu_1' });
    api.server.reply(reply.with({ stopReason: 'max_tokens' }));
    const agent = agentOf();
    const first = await runPage(agent);
    expect(first.pendingToolCallIds).toEqual([]);
    expect(first.newMessages.at(-1)).toMatchObject({ content: 'This call was cut off.' });
    agent.addMessage(user('Go on'));
    api.server.reply(messageEvents.text('Well'));
    expect((await runPage(agent)).error).toBeUndefined();
    expect(api.server.requests.at(-1)!.body.messages[1]).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: 'So' }],
    });
  });

  it('have ids of their own, also where the model uses one twice', async () => {
    api.server.reply(messageEvents.toolUse('remove', { path: 'a' }, { id: 'call_0' }));
    api.server.reply(messageEvents.toolUse('remove', { path: 'b' }, { id: 'call_0' }));
    api.server.reply(messageEvents.text('Done'));
    const { newMessages } = await runPage(agentOf());
    expect(contentOfAgUi(newMessages).calls).toEqual([
      { name: 'remove', input: { path: 'a' } },
      { name: 'remove', input: { path: 'b' } },
    ]);
  });

  it('of a Conversation have their results too, also when the events come as JSON', async () => {
    api.server.reply(messageEvents.toolUse('remove', { path: 'a' }, { id: 'toolu_1' }));
    api.server.reply(messageEvents.text('Done'));
    const page = pageOf((runInput) => {
      const conversation = new Conversation(
        api.client,
        { model: 'm', max_tokens: 9 },
        { tools: [remove] },
      );
      return conversation.send('Hi').pipe(
        map((event) => JSON.parse(JSON.stringify(event)) as StreamEvent),
        toAgUi(runInput),
      );
    });
    const { newMessages, finished } = await runPage(page);
    expect(finished?.outcome).toEqual({ type: 'success' });
    expect(contentOfAgUi(newMessages)).toMatchObject({ text: 'Done', results: ['Removed'] });
  });

  it('show their progress', async () => {
    const slow = defineTool({ name: 'slow', description, input, run: () => of('half', 'all') });
    api.server.reply(messageEvents.toolUse('slow', { path: 'a' }, { id: 'toolu_1' }));
    api.server.reply(messageEvents.text('Done'));
    const { customs } = await runPage(agentOf({ tools: [slow] }));
    expect(customs).toMatchObject([
      { name: 'tool_progress', value: { toolCallId: 'toolu_1', progress: 'half' } },
    ]);
  });
});

describe('over HTTP to HttpAgent', () => {
  const api = useServer();
  const listen = useHttpServers();

  async function endpoint(
    run: (input: RunAgentInput) => Observable<AgUiEvent>,
    begun: (subscription: Subscription) => void = () => {},
  ): Promise<string> {
    const { url } = await listen(async (request, response) => {
      begun(pipeToResponse(run((await json(request)) as RunAgentInput), response, AG_UI_SSE));
    });
    return url;
  }

  it.each(faultKinds)(
    'has what had arrived, and how it ended, after the fault %s',
    async (kind) => {
      let reply$!: Observable<StreamEvent>;
      const url = await endpoint((input) => reply$.pipe(toAgUi(input)));
      for (const fault of faultsOf(kind)) {
        await expectPageOfFault(api, fault, async (given$) => {
          reply$ = given$;
          const page = await runPage(pageOver(url));
          expect(page.error === undefined).toBe(page.finished !== undefined);
          return { content: contentOfAgUi(page.newMessages), isError: page.error !== undefined };
        });
      }
    },
  );

  it('has an error where the service stops a reply', async () => {
    const events = [...messageEvents.text('Hello', { chunk: 2 })].slice(0, 4);
    const url = await endpoint(
      (input) => concat(from(events), NEVER).pipe(toAgUi(input)),
      (subscription) => setTimeout(() => subscription.unsubscribe(), 20),
    );
    const { error } = await runPage(pageOver(url));
    expect(error).toEqual({
      type: 'RUN_ERROR',
      code: 'aborted',
      message: 'The reply was stopped.',
    });
  });
});

it('is sent in frames of data lines alone', async () => {
  const events$ = from([...messageEvents.text('Hi')]).pipe(toAgUi(RUN));
  const body = await toSseResponse(events$, AG_UI_SSE).text();
  const lines = body.split('\n').filter(Boolean);
  expect(lines.every((line) => line.startsWith('data: {"type":"'))).toBe(true);
  expect(lines.at(-1)).toContain('RUN_FINISHED');
});

it.each([
  [undefined, {}, /`threadId` must be a string/],
  [{ threadId: 't' }, {}, /`runId` must be a string/],
  [{ ...RUN, messages: {} }, {}, /`messages` must be a list/],
  [RUN, { errorText: 'x' }, /`errorText` must be a function/],
])('refuses %j with %j', (input, config, message) => {
  expect(() => toAgUi(input as never, config as never)).toThrow(message);
});
