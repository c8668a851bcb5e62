import Anthropic from '@anthropic-ai/sdk';
import { fromMessages } from 'claude-rx';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError';
import { messageEvents, MessagesServer, type Reply } from 'claude-rx/testing';
import { runTools, type RunToolsOptions } from 'claude-rx/tools';
import { filter, firstValueFrom, lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

/** A tool of the SDK, which both runners take. */
const sdkTool = (name: string, run: () => string | Promise<string>) =>
  betaTool({
    name,
    description: `The tool ${name}`,
    inputSchema: { type: 'object', properties: { city: { type: 'string' } } },
    run,
  });
const weather = sdkTool('get_weather', () => 'Sunny');
const news = sdkTool('get_news', async () => 'Quiet');
const failing = sdkTool('fail', () => {
  throw new Error('out of order');
});
const blocks = betaTool({
  name: 'photograph',
  description: 'Gives blocks, or throws them',
  inputSchema: { type: 'object', properties: { city: { type: 'string' } } },
  run: ({ city }) => {
    const content = [
      { type: 'text' as const, text: `${city}: no film` },
      {
        type: 'image' as const,
        source: { type: 'base64' as const, media_type: 'image/png' as const, data: 'iVBORw0KGgo=' },
      },
    ];
    if (city === 'Rome') throw new ToolError(content);
    return content;
  },
});
const tools = [weather, news, failing, blocks];

const zod = betaZodTool({
  name: 'zod',
  description: 'A tool of zod',
  inputSchema: z.object({ city: z.string() }),
  run: ({ city }) => `${city}!`,
});
const container = { id: 'container_123', expires_at: '2030-01-01T00:00:00Z', skills: [] };

const user = (content: string) => ({ role: 'user' as const, content });
const base = { model: 'claude-opus-5-5', max_tokens: 1024, messages: [user('Hi')] };
const change = (type: 'tool_removal' | 'tool_addition', name: string) => ({
  role: 'system' as const,
  content: [{ type, tool: { type: 'tool_reference' as const, name } }],
});

const call = (name: string, id: string) => messageEvents.toolUse(name, { city: 'Rome' }, { id });
const done = messageEvents.text('Done.');

interface Case {
  replies: Reply[];
  params?: object;
  options?: Partial<RunToolsOptions>;
  /** Settings of the SDK's runner. */
  settings?: object;
}

/** The cases of the SDK's own tests of its runner that have a counterpart here. */
const cases: Record<string, Case> = {
  'a reply without a call': { replies: [done] },
  'one call': { replies: [call('get_weather', 'a'), done] },
  'text before a call': {
    replies: [messageEvents.text('Let me look.').toolUse('get_weather', {}, { id: 'a' }), done],
  },
  'two calls of a reply': {
    replies: [call('get_weather', 'a').toolUse('get_news', {}, { id: 'b' }), done],
  },
  'a call after another': { replies: [call('get_weather', 'a'), call('get_news', 'b'), done] },
  'thinking before a call': {
    replies: [
      messageEvents
        .thinking('Which?', { signature: 'c2ln' })
        .toolUse('get_weather', {}, { id: 'a' }),
      done,
    ],
    params: { thinking: { type: 'enabled', budget_tokens: 500 } },
  },
  'a tool that throws': { replies: [call('fail', 'a'), done] },
  'a tool that throws beside one that does not': {
    replies: [call('fail', 'a').toolUse('get_news', {}, { id: 'b' }), done],
  },
  'an unknown tool': { replies: [call('nothing', 'a'), done] },
  'a paused reply': {
    replies: [
      messageEvents
        .serverToolUse('web_search', {}, { id: 'srvtoolu_1' })
        .with({ stopReason: 'pause_turn' }),
      done,
    ],
  },
  'a limit of the turns': {
    replies: [call('get_weather', 'a'), call('get_weather', 'b'), done],
    options: { maxTurns: 2 },
    settings: { max_iterations: 2 },
  },
  'calls that start while the reply is written': {
    replies: [call('get_weather', 'a').toolUse('get_news', {}, { id: 'b' }), done],
    options: { eager: true },
    settings: { runToolsEagerly: true },
  },
  'a withdrawn tool': {
    replies: [call('get_weather', 'a'), done],
    params: { messages: [user('Hi'), change('tool_removal', 'get_weather')] },
  },
  'a tool that was withdrawn and added again': {
    replies: [call('get_weather', 'a'), done],
    params: {
      messages: [
        user('Hi'),
        change('tool_removal', 'get_weather'),
        change('tool_addition', 'get_weather'),
      ],
    },
  },
  'a tool that gives blocks': {
    replies: [messageEvents.toolUse('photograph', { city: 'Oslo' }, { id: 'a' }), done],
  },
  'a ToolError with blocks': { replies: [call('photograph', 'a'), done] },
  'a withdrawn tool beside one that is there': {
    replies: [call('get_weather', 'a').toolUse('get_news', {}, { id: 'b' }), done],
    params: { messages: [user('Hi'), change('tool_removal', 'get_weather')] },
  },
  'a call in a reply that was refused': {
    replies: [call('get_weather', 'a').with({ stopReason: 'refusal' })],
  },
  'the container of a reply': {
    replies: [call('get_weather', 'a').with({ container }), done.with({ container })],
  },
  'the container of a reply, where skills are asked for': {
    replies: [call('get_weather', 'a').with({ container }), done.with({ container })],
    params: { container: { skills: [{ type: 'anthropic', skill_id: 'pptx', version: 'latest' }] } },
  },
  'a container of the caller': {
    replies: [call('get_weather', 'a').with({ container }), done.with({ container })],
    params: { container: 'container_mine' },
  },
  'a request that the API refuses': { replies: [{ status: 400 } as Reply] },
  'a request that fails behind a tool': {
    replies: [call('get_weather', 'a'), { status: 500 } as Reply],
  },
  'a reply that breaks with an error': {
    replies: [{ events: call('get_weather', 'a'), fault: { kind: 'error', beforeEvent: 4 } }],
  },
  'a tool of zod': { replies: [call('zod', 'a'), done], options: { tools: [zod] } },
  'an input that zod refuses': {
    replies: [messageEvents.toolUse('zod', { city: 5 }, { id: 'a' }), done],
    options: { tools: [zod] },
  },
  'a reply that was cut': {
    replies: [messageEvents.text('Well').with({ stopReason: 'max_tokens' })],
  },
};

/** What was requested; the words of an error are each runner's own. */
async function requested(
  replies: Reply[],
  loop: (client: Anthropic) => Promise<unknown>,
): Promise<unknown[]> {
  await using server = await MessagesServer.start();
  server.reply(...replies);
  const client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 });
  const ending = await loop(client).then(
    () => 'complete',
    () => 'error',
  );
  const bodies: unknown[] = server.requests.map(({ body }) =>
    JSON.parse(
      JSON.stringify(body, (_, value: { is_error?: boolean; content?: unknown } | null) =>
        value?.is_error === true && typeof value.content === 'string'
          ? { ...value, content: 'an error' }
          : value,
      ),
    ),
  );
  return [...bodies, ending];
}

interface SdkRunner extends AsyncIterable<{ finalMessage(): Promise<unknown> }> {
  setMessagesParams(change: (before: object) => object): void;
  pushMessages(...messages: object[]): void;
  generateToolResponse(): Promise<object>;
}

/** The SDK's runner, with streamed replies, and the whole history in each request, as here. */
function streamed(client: Anthropic, settings: object): SdkRunner {
  const request = { stream: true, thread: false, ...settings };
  return client.beta.messages.toolRunner(request as never) as unknown as SdkRunner;
}

describe('the same replies lead to the same requests as with the runner of the SDK', () => {
  it.each(Object.entries(cases))('%s', async (_, { replies, params, options, settings }) => {
    const request = { ...base, ...params };
    const theirs = await requested(replies, async (client) => {
      const runner = streamed(client, {
        ...request,
        tools: options?.tools ?? tools,
        ...settings,
      });
      for await (const stream of runner) await stream.finalMessage();
    });
    const ours = await requested(replies, (client) =>
      lastValueFrom(runTools(client.beta, request as never, { tools, ...options })),
    );
    expect(theirs.length).toBeGreaterThan(1);
    expect(ours).toEqual(theirs);
  });

  it('parameters that change between the turns', async () => {
    const replies = [call('get_weather', 'a'), done];
    const theirs = await requested(replies, async (client) => {
      const runner = streamed(client, { ...base, tools });
      let turn = 0;
      for await (const stream of runner) {
        const reply = (await stream.finalMessage()) as { content: unknown };
        if (turn++ > 0) continue;
        // Who changes the history adds the reply and its results.
        const results = await runner.generateToolResponse();
        runner.setMessagesParams((before) => ({ ...before, max_tokens: 77 }));
        runner.pushMessages({ role: 'assistant', content: reply.content }, results);
      }
    });
    const ours = await requested(replies, (client) =>
      lastValueFrom(
        runTools(
          (params, { turn }) =>
            fromMessages(client.beta, {
              ...(params as never as typeof base),
              ...(turn > 1 && { max_tokens: 77 }),
            }),
          base,
          { tools },
        ),
      ),
    );
    expect(ours).toEqual(theirs);
    expect(ours[1]).toMatchObject({ max_tokens: 77 });
  });

  it('a loop that is left after its first reply', async () => {
    const replies = [call('get_weather', 'a'), done];
    const theirs = await requested(replies, async (client) => {
      const runner = streamed(client, { ...base, tools });
      for await (const stream of runner) {
        await stream.finalMessage();
        break;
      }
    });
    const ours = await requested(replies, (client) =>
      firstValueFrom(
        runTools(client.beta, base as never, { tools }).pipe(
          filter(({ type }) => type === 'message_stop'),
        ),
      ),
    );
    expect(ours).toEqual(theirs);
    expect(ours).toHaveLength(2);
  });
});
