import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { mcpTools } from '@anthropic-ai/sdk/helpers/beta/mcp';
import { betaMemoryTool } from '@anthropic-ai/sdk/helpers/beta/memory';
import { betaStandardSchemaTool } from '@anthropic-ai/sdk/helpers/beta/standard-schema';
import { BetaAbstractComputerToolset20260801 } from '@anthropic-ai/sdk/helpers/beta/toolsets';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError';
import { BetaLocalFilesystemMemoryTool } from '@anthropic-ai/sdk/tools/memory/node';
import { messageEvents } from 'claude-rx/testing';
import {
  type AnyTool,
  runTools,
  type RunToolsOptions,
  type ToolResultEvent,
} from 'claude-rx/tools';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, lastValueFrom, type Observable, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { start, stop } from '../../operators/events.ts';
import { params, useServer } from '../../support/server.ts';

const answer = messageEvents.text('Done.');

describe('tools of the SDK, with its client', () => {
  const http = useServer({ strict: true });

  /** The results of a first turn with these calls, and the request that tells of them. */
  async function results(
    calls: Iterable<object>,
    tools: AnyTool[],
    options: Partial<RunToolsOptions> = {},
  ): Promise<{ results: ToolResultEvent[]; request: Record<string, any> }> {
    http.server.reply(calls as never, answer);
    const loop = runTools(http.client.beta, params, { tools, ...options });
    const all = loop.pipe(
      filter(({ type }) => type === 'tool_result'),
      toArray(),
    );
    const found = await lastValueFrom(all as unknown as Observable<ToolResultEvent[]>);
    return { results: found, request: http.server.requests[1]?.body };
  }

  it('run unchanged: tools of zod, JSON Schema, Standard Schema and MCP', async () => {
    const city = z.object({ city: z.string().transform((name) => name.toUpperCase()) });
    const tools = [
      betaZodTool({
        name: 'zod',
        description: 'One',
        inputSchema: z.object({ city: z.string(), days: z.number().default(3) }),
        run: ({ city: name, days }, context) =>
          `${name} ${days} ${context?.toolUse.id} ${context?.signal?.aborted}`,
      }),
      betaTool({
        name: 'json',
        description: 'Two',
        inputSchema: { type: 'object', properties: { city: { type: 'string' } } },
        strict: true,
        run: async ({ city: name }) => [{ type: 'text', text: `in ${name}` }],
      }),
      betaStandardSchemaTool({
        name: 'standard',
        description: 'Three',
        inputSchema: city,
        jsonSchema: { type: 'object' },
        run: ({ city: name }) => name,
      }),
      ...mcpTools([{ name: 'mcp', description: 'Four', inputSchema: { type: 'object' } }], {
        callTool: async ({ arguments: given }: { arguments?: unknown }) => ({
          content: [{ type: 'text', text: JSON.stringify(given) }],
        }),
      } as never),
    ];
    const { results: found, request } = await results(
      messageEvents
        .toolUse('zod', { city: 'Rome' }, { id: 'one' })
        .toolUse('json', { city: 'Rome' })
        .toolUse('standard', { city: 'Rome' })
        .toolUse('mcp', { city: 'Rome' }),
      tools,
    );
    const byName = found.map(({ name, status, result }) => [name, [status, result.content]]);
    expect(JSON.parse(JSON.stringify(Object.fromEntries(byName)))).toEqual({
      zod: ['done', 'Rome 3 one false'],
      json: ['done', [{ type: 'text', text: 'in Rome' }]],
      standard: ['done', 'ROME'],
      mcp: ['done', [{ type: 'text', text: '{"city":"Rome"}' }]],
    });
    // What is sent is the API's own, and nothing else.
    expect(request['tools']).toEqual([
      {
        type: 'custom',
        name: 'zod',
        description: 'One',
        input_schema: expect.objectContaining({ type: 'object' }),
      },
      {
        type: 'custom',
        name: 'json',
        description: 'Two',
        strict: true,
        input_schema: { type: 'object', properties: { city: { type: 'string' } } },
      },
      { type: 'custom', name: 'standard', description: 'Three', input_schema: { type: 'object' } },
      {
        name: 'mcp',
        description: 'Four',
        input_schema: { type: 'object', properties: null, required: null },
      },
    ]);
  });

  it('send refused input and thrown errors to the model, also as blocks', async () => {
    const zod = betaZodTool({
      name: 'zod',
      description: 'One',
      inputSchema: z.object({ city: z.string() }),
      run: () => 'ran',
    });
    const image = { type: 'base64', media_type: 'image/png', data: 'AAAA' } as const;
    const throwing = (name: string, error: unknown) =>
      betaTool({
        name,
        description: 'Two',
        inputSchema: { type: 'object' },
        run: () => {
          throw error;
        },
      });
    const { results: found } = await results(
      messageEvents.toolUse('zod', { city: 1 }).toolUse('plain').toolUse('blocks').toolUse('empty'),
      [
        zod,
        throwing('plain', new Error('no network')),
        throwing('blocks', new ToolError([{ type: 'image', source: image }])),
        throwing('empty', new ToolError('')),
      ],
    );
    expect(found).toMatchObject([
      {
        status: 'invalid_input',
        result: { content: expect.stringContaining('city'), is_error: true },
      },
      { status: 'failed', result: { content: 'Error: no network', is_error: true } },
      { status: 'failed', result: { content: [{ type: 'image', source: image }], is_error: true } },
      { status: 'failed', result: { content: expect.stringMatching(/^Error: ./), is_error: true } },
    ]);
  });

  it('include the memory tool, on files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'claude-rx-memory-'));
    try {
      const memory = betaMemoryTool(await BetaLocalFilesystemMemoryTool.init(folder));
      const create = { command: 'create', path: '/memories/note.txt', file_text: 'Likes tea.\n' };
      const { results: found, request } = await results(
        messageEvents.toolUse('memory', create).toolUse('memory', { command: 'fly' }),
        [memory],
        { concurrency: 1 },
      );
      expect(found).toMatchObject([
        { status: 'done', result: { content: expect.stringContaining('note.txt') } },
        { status: 'failed', result: { content: 'Error: fly not implemented' } },
      ]);
      expect(await readFile(join(folder, 'memories/note.txt'), 'utf8')).toBe('Likes tea.\n');
      expect(request['tools']).toEqual([{ type: 'memory_20250818', name: 'memory' }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('include toolsets, whose later actions do not run after one that failed', async () => {
    class Computer extends BetaAbstractComputerToolset20260801 {
      acts: string[] = [];
      override async key(_: unknown, { text }: { text: string }): Promise<void> {
        this.acts.push(`begin ${text}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (text === 'F1') throw new Error('no such key');
        this.acts.push(`end ${text}`);
      }
    }
    const computer = new Computer({ confirm: () => true });
    const press = (index: number, text: string) => [
      start(index, {
        type: 'tool_use',
        id: `toolu_${index}`,
        name: 'key',
        toolset_name: 'computer',
        input: { text },
      }),
      stop(index),
    ];
    const keys = ['a', 'b', 'F1', 'c'].flatMap((text, index) => press(index, text));
    const calls = keys.reduce((reply, event) => reply.event(event), messageEvents);
    const { results: found, request } = await results(
      calls.toolUse('other').with({ stopReason: 'tool_use' }),
      [
        computer,
        betaTool({
          name: 'other',
          description: '',
          inputSchema: { type: 'object' },
          run: () => 'ok',
        }),
      ],
      { eager: true },
    );
    expect(computer.acts).toEqual(['begin a', 'end a', 'begin b', 'end b', 'begin F1']);
    const { messages, tools } = request as { messages: { content: unknown }[]; tools: unknown[] };
    expect(messages.at(-1)?.content).toMatchObject([
      { tool_use_id: 'toolu_0', toolset_name: 'computer' },
      { tool_use_id: 'toolu_1', toolset_name: 'computer' },
      { tool_use_id: 'toolu_2', toolset_name: 'computer', is_error: true },
      { tool_use_id: 'toolu_3', is_error: true, content: expect.stringContaining('Not executed') },
      { tool_use_id: 'toolu_4', content: 'ok' },
    ]);
    expect(found).toHaveLength(5);
    expect(tools[0]).toEqual(JSON.parse(JSON.stringify(computer)));
  });

  it('are sent unchanged if they run at Anthropic', async () => {
    const definitions = [
      { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
      { type: 'mcp_toolset', mcp_server_name: 'docs' },
      { type: 'mcp_toolset', mcp_server_name: 'mail' },
      { type: 'code_execution_20250825', name: 'code_execution' },
    ] as const;
    http.server.reply(
      messageEvents
        .serverToolUse('web_search', { query: 'tea' })
        .block({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_0', content: [] })
        .text('Tea it is.'),
    );
    const servers = [{ type: 'url', url: 'https://mcp.example.com', name: 'docs' } as const];
    const loop = runTools(
      http.client.beta,
      { ...params, mcp_servers: servers },
      { tools: [...definitions] },
    );
    const all = await lastValueFrom(loop.pipe(toArray()));
    expect(all.filter(({ type }) => type === 'tool_result')).toEqual([]);
    expect(all.at(-1)).toMatchObject({ type: 'turn_end', outcome: 'end_turn' });
    expect(http.server.requests[0]?.body.tools).toEqual(definitions);
  });

  it('make the same requests as with the runner of the SDK', async () => {
    const add = betaZodTool({
      name: 'add',
      description: 'Adds',
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      run: ({ a, b }) => {
        if (a < 0) throw new Error('too small');
        return String(a + b);
      },
    });
    const replies = [
      messageEvents.thinking('Hm.').text('Well.').toolUse('add', { a: 1, b: 2 }, { id: 'one' }),
      messageEvents
        .toolUse('add', { a: -1, b: 2 }, { id: 'two' })
        .toolUse('add', { a: 3, b: 4 }, { id: 'three' }),
      messageEvents.text('Paused.').with({ stopReason: 'pause_turn' }),
      answer,
    ];
    http.server.reply(...replies);
    await lastValueFrom(runTools(http.client.beta, params, { tools: [add] }));
    http.server.reply(...replies);
    const runner = http.client.beta.messages.toolRunner({
      ...params,
      tools: [add],
      stream: true,
      thread: false,
    });
    for await (const stream of runner) await stream.finalMessage();
    const bodies = http.server.requests.map(({ body }) => body);
    expect(bodies).toHaveLength(8);
    expect(bodies.slice(0, 4)).toEqual(bodies.slice(4));
  });
});
