import { Client, InMemoryTransport, type Tool } from '@modelcontextprotocol/client';
import type { McpServer } from '@modelcontextprotocol/server';
import { Conversation } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import {
  mcpTools,
  type McpCallOptions,
  runTools,
  type RunToolsOptions,
  type ToolEvent,
  type ToolResultEvent,
} from 'claude-rx/tools';
import {
  EMPTY,
  filter,
  firstValueFrom,
  lastValueFrom,
  NEVER,
  of,
  Subject,
  tap,
  toArray,
} from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mcpServer } from '../../support/mcpServer.ts';
import { failure, params, received, until, useServer } from '../../support/server.ts';
import { isOurs, tool } from './turns.ts';

const answer = messageEvents.text('Done.');
const BROKEN = { type: 'resume', attempt: 2, keep: 0, error: new Error('broken') };

/** The events of a loop whose first reply makes these calls. */
const events = async (
  calls: Iterable<object>,
  tools: RunToolsOptions['tools'],
  more: Partial<RunToolsOptions> = {},
): Promise<ToolEvent[]> => {
  const loop = runTools((_, { turn }) => (turn === 1 ? calls : answer) as never, params, {
    tools,
    ...more,
  });
  return lastValueFrom(loop.pipe(filter(isOurs), toArray()) as never);
};

const resultsIn = (all: readonly ToolEvent[]): ToolResultEvent[] =>
  all.filter((event) => event.type === 'tool_result');

describe('mcpTools, with the client and a server of MCP in memory', () => {
  let client: Client;
  let server: McpServer;
  let cancelled: string[];
  let tools: Tool[];

  beforeEach(async () => {
    cancelled = [];
    server = mcpServer((line) => cancelled.push(line));
    const [one, other] = InMemoryTransport.createLinkedPair();
    client = new Client({ name: 'test', version: '1.0.0' });
    await Promise.all([server.connect(one), client.connect(other)]);
    ({ tools } = await client.listTools());
  });
  afterEach(() => client.close());

  const call = async (name: string, input: object = {}): Promise<ToolResultEvent> =>
    resultsIn(await events(messageEvents.toolUse(name, input), mcpTools(client, tools)))[0]!;

  it('gives the model the description and the schema of the server', () => {
    const { definition } = mcpTools(client, tools).find(({ name }) => name === 'slow')!;
    expect(definition).toEqual({
      name: 'slow',
      description: 'Takes its time',
      input_schema: expect.objectContaining({
        type: 'object',
        properties: { steps: { type: 'number' } },
        required: ['steps'],
      }),
    });
    expect(definition.input_schema).not.toHaveProperty('$schema');
  });

  it.each<[string, unknown]>([
    ['text_of', [{ type: 'text', text: 'Rome: 21 °C' }]],
    [
      'image',
      [
        {
          type: 'image',
          source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
        },
      ],
    ],
    [
      'audio',
      [
        {
          type: 'text',
          text: '[audio, audio/wav, 4 bytes: content of this kind cannot be shown to you]',
        },
      ],
    ],
    [
      'resource',
      [
        {
          type: 'document',
          source: { type: 'text', media_type: 'text/plain', data: '# A' },
          title: 'file:///a.md',
        },
        {
          type: 'document',
          source: { type: 'base64', media_type: 'application/pdf', data: 'iVBORw0KGgo=' },
          title: 'file:///a.pdf',
        },
      ],
    ],
    [
      'link',
      [
        {
          type: 'text',
          text: '{"type":"resource_link","uri":"file:///b","name":"b","mimeType":"text/plain"}',
        },
      ],
    ],
    ['structured', [{ type: 'text', text: '{"degrees":21}' }]],
    ['nothing', undefined],
  ])('gives the model a result of kind %s', async (name, content) => {
    const { status, result, value } = await call(name);
    expect([status, result.content]).toEqual(['done', content]);
    expect(value).toHaveProperty('content');
  });

  it('sends a failure to the model, with its content', async () => {
    const { status, result } = await call('failing');
    expect([status, result.is_error]).toEqual(['failed', true]);
    expect(result.content).toEqual([{ type: 'text', text: 'No such city' }]);
    expect((await call('throwing')).result.content).toEqual([
      { type: 'text', text: 'out of order' },
    ]);
    // Refused by the server.
    expect((await call('slow', { steps: 'many' })).result.is_error).toBe(true);
  });

  it('emits progress notifications as tool_progress, before the result', async () => {
    const calls = messageEvents.toolUse('slow', { steps: 3 }, { id: 'toolu_1' });
    const all = await events(calls, mcpTools(client, tools));
    const step = (progress: number) => ({
      type: 'tool_progress',
      turn: 1,
      tool_use_id: 'toolu_1',
      name: 'slow',
      progress: { progress, total: 3, message: 'at work' },
    });
    expect(all.slice(1, 4)).toEqual([step(1), step(2), step(3)]);
    expect(all[4]).toMatchObject({ type: 'tool_result', status: 'done' });
  });

  it('cancels the call at the server when the loop is unsubscribed', async () => {
    const loop = runTools(() => messageEvents.toolUse('slow', { steps: 1 }), params, {
      tools: mcpTools(client, tools),
    });
    await firstValueFrom(loop.pipe(filter(({ type }) => type === 'tool_progress')));
    await until(() => cancelled.length > 0);
    expect(cancelled).toHaveLength(1);
  });

  it('cancels the call at the server at a timeout', async () => {
    const calls = messageEvents.toolUse('slow', { steps: 1 });
    const [result] = resultsIn(await events(calls, mcpTools(client, tools, { timeout: 30 })));
    expect(result?.status).toBe('timeout');
    await until(() => cancelled.length > 0);
    expect(cancelled).toEqual([expect.stringContaining('did not finish within 30 ms')]);
  });

  it('cancels the call at the server when the reply withdraws it', async () => {
    const [reply, seen] = [new Subject<object>(), [] as ToolEvent[]];
    const all = runTools(() => reply as never, params, {
      tools: mcpTools(client, tools),
      eager: true,
    }).pipe(
      filter(isOurs),
      tap((event) => seen.push(event)),
    );
    const subscription = all.subscribe();
    const begun = messageEvents.toolUse('slow', { steps: 1 }).text('And');
    for (const event of begun) if (!/^message_(delta|stop)/.test(event.type)) reply.next(event);
    await until(() => seen.some(({ type }) => type === 'tool_progress'));
    reply.next(BROKEN);
    expect(seen.at(-1)).toMatchObject({ type: 'tool_result', status: 'withdrawn' });
    await until(() => cancelled.length > 0);
    subscription.unsubscribe();
    expect(cancelled).toHaveLength(1);
  });

  it('does not cancel a call that has ended', async () => {
    const sent: unknown[] = [];
    const { transport } = client as unknown as { transport: { send(message: unknown): unknown } };
    const send = transport.send.bind(transport);
    transport.send = (message) => (sent.push(message), send(message));
    await call('text_of');
    expect(JSON.stringify(sent)).toContain('tools/call');
    expect(JSON.stringify(sent)).not.toContain('cancelled');
  });

  it('lists the tools before each turn, so that changes take effect between turns', async () => {
    const names: string[][] = [];
    const change = tool('change', () => {
      server.registerTool('new', { description: 'New' }, () => ({
        content: [{ type: 'text', text: 'from the new one' }],
      }));
      return 'changed';
    });
    const replies = [
      messageEvents.toolUse('new').toolUse('change', { n: 1 }),
      messageEvents.toolUse('new'),
      answer,
    ];
    const loop = runTools(
      (request, { turn }) => {
        names.push(request.tools.map((entry) => ('name' in entry ? entry.name : '')));
        return replies[turn - 1]!;
      },
      params,
      { tools: [change, mcpTools(client)] },
    );
    const all = await received(loop.pipe(filter(isOurs)));
    const results = resultsIn(all as ToolEvent[]).map(({ name, status }) => `${name} ${status}`);
    expect(results).toEqual(['new unknown_tool', 'change done', 'new done']);
    expect(names.map((list) => list.includes('new'))).toEqual([false, true, true]);
    expect(names[0]).toEqual(['change', ...tools.map(({ name }) => name.replace('.', '_'))]);
  });

  it('fails the loop when the tools cannot be listed', async () => {
    server.server.setRequestHandler('tools/list', () => {
      throw new Error('out of order');
    });
    const loop = runTools(() => answer, params, { tools: [mcpTools(client)] });
    const error = await failure(loop);
    expect(error.message).toBe('The request could not be sent: out of order');
    expect(error.cause).toBeDefined();
  });

  it('cancels the listing when the loop is unsubscribed', () => {
    let signal: AbortSignal | undefined;
    const list = {
      callTool: client.callTool.bind(client),
      listTools: (_: undefined, options?: { signal?: AbortSignal }) => {
        signal = options?.signal;
        return new Promise<never>(() => {});
      },
    };
    const subscription = runTools(() => answer, params, { tools: [mcpTools(list)] }).subscribe();
    expect(signal?.aborted).toBe(false);
    subscription.unsubscribe();
    expect(signal?.aborted).toBe(true);
  });
});

describe('mcpTools', () => {
  const definition = { name: 'a', inputSchema: { type: 'object', properties: {} } };
  const found = { content: [{ type: 'text', text: 'found' }] };

  it('accepts a function that calls a tool', async () => {
    const seen: unknown[] = [];
    let options: McpCallOptions | undefined;
    const tools = mcpTools(
      async (name, input, given) => {
        seen.push(name, input);
        options = given;
        given.onprogress({ progress: 1 });
        return found;
      },
      [{ ...definition, name: 'a.b/c' }],
      { name: (name) => `docs.${name}`, defer_loading: true, eager: false },
    );
    expect(tools[0]).toMatchObject({
      name: 'docs_a_b_c',
      eager: false,
      definition: { name: 'docs_a_b_c', defer_loading: true },
    });
    const all = await events(messageEvents.toolUse('docs_a_b_c', { n: 1 }), tools);
    expect(seen).toEqual(['a.b/c', { n: 1 }]);
    expect(all[1]).toMatchObject({ type: 'tool_progress', progress: { progress: 1 } });
    expect(options?.signal.aborted).toBe(false);
  });

  it('passes its time limit to the client, which would give up after 60 s', async () => {
    let given: object | undefined;
    const client = {
      callTool: async (_: object, options?: object) => {
        given = options;
        return found;
      },
    };
    await events(messageEvents.toolUse('a'), mcpTools(client, [definition], { timeout: 90_000 }));
    expect(given).toMatchObject({ timeout: 90_000, resetTimeoutOnProgress: true });
    await events(messageEvents.toolUse('a'), mcpTools(client, [definition]));
    expect(given).not.toHaveProperty('timeout');
  });

  it('reports an error that a call throws', async () => {
    const throwing = [
      () => Promise.reject(new Error('lost')),
      () => {
        throw new Error('lost');
      },
    ];
    for (const run of throwing) {
      const [result] = resultsIn(
        await events(messageEvents.toolUse('a'), mcpTools(run, [definition])),
      );
      expect([result?.status, result?.result.content]).toEqual(['failed', 'Error: lost']);
    }
  });

  it('refuses what is not a client or not a definition', () => {
    const call = async () => found;
    expect(() => mcpTools({} as never, [])).toThrow(/mcpTools: pass a connected client/);
    expect(() => mcpTools(undefined as never)).toThrow(TypeError);
    expect(() => mcpTools(call as never)).toThrow(/without `listTools`/);
    expect(() => mcpTools(call, {} as never)).toThrow(/must be an array/);
    expect(() => mcpTools(call, [{ name: 'a' } as never])).toThrow(/an `inputSchema`/);
    expect(() => mcpTools(call, [null as never])).toThrow(/an `inputSchema`/);
    expect(() => mcpTools(call, [], { timeout: 0 })).toThrow(/milliseconds above 0/);
  });
});

describe('tools that a function returns', () => {
  const http = useServer({ strict: true });

  it('are listed before each turn; thinking before a change is not sent again', async () => {
    const thoughtful = messageEvents.thinking('Hm.').toolUse('a', { n: 1 });
    const lists = [[tool('a', () => 1)], [tool('a', () => 1)], [tool('b', () => 2)]];
    http.server.reply(thoughtful, thoughtful, answer);
    const loop = runTools(http.client, params, { tools: [({ turn }) => of(lists[turn - 1]!)] });
    await received(loop);
    const types = http.server.requests.map(({ body }) =>
      (body['messages'] as { content: string | { type: string }[] }[]).flatMap(({ content }) =>
        typeof content === 'string' ? 'user' : content.map(({ type }) => type),
      ),
    );
    const [one, other] = [
      ['tool_use', 'tool_result'],
      ['thinking', 'tool_use', 'tool_result'],
    ];
    expect(types).toEqual([['user'], ['user', ...other!], ['user', ...one!, ...one!]]);
  });

  it('change in a Conversation too', async () => {
    const thoughtful = messageEvents.thinking('Hm.').toolUse('a', { n: 1 });
    http.server.reply(thoughtful, answer);
    const conversation = new Conversation(http.client, params, {
      tools: [({ turn }) => [[tool(turn === 1 ? 'a' : 'b', () => 1)]]],
    });
    await received(conversation.send('Hi'));
    expect(http.server.requests.map(({ body }) => (body['tools'] as object[]).length)).toEqual([
      1, 1,
    ]);
    expect(JSON.stringify(http.server.requests[1]?.body['messages'])).not.toContain('thinking');
  });

  it('may be an empty list', async () => {
    const seen: unknown[] = [];
    const ask = (request: { tools: unknown }) => (seen.push(request.tools), answer);
    await received(runTools(ask, params, { tools: [() => EMPTY, tool('a', () => 1)] }));
    expect(seen).toMatchObject([[{ name: 'a' }]]);
  });

  it('fail the loop when two have the same name, or the function throws', async () => {
    const twice = runTools(() => answer, params, {
      tools: [tool('a', () => 1), () => of([tool('a', () => 2)])],
    });
    expect((await failure(twice)).message).toContain("two tools named 'a'");
    const throwing = runTools(() => answer, params, {
      tools: [
        () => {
          throw new Error('no list');
        },
      ],
    });
    expect(await failure(throwing)).toMatchObject({
      code: 'request',
      message: 'The request could not be sent: no list',
    });
  });

  it('are unsubscribed with the loop', () => {
    let isOpen = false;
    const list$ = NEVER.pipe(
      tap({ subscribe: () => (isOpen = true), finalize: () => (isOpen = false) }),
    );
    const subscription = runTools(() => answer, params, { tools: [() => list$] }).subscribe();
    expect(isOpen).toBe(true);
    subscription.unsubscribe();
    expect(isOpen).toBe(false);
  });
});
