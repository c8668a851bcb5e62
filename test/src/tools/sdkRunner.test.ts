import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { messageEvents, MessagesServer, type Reply } from 'claude-rx/testing';
import { runTools, type RunToolsOptions } from 'claude-rx/tools';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';

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
const tools = [weather, news, failing];

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
  await loop(new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 }));
  return server.requests.map(({ body }) =>
    JSON.parse(
      JSON.stringify(body, (_, value: { is_error?: boolean; content?: unknown } | null) =>
        value?.is_error === true ? { ...value, content: 'an error' } : value,
      ),
    ),
  );
}

describe('the same replies lead to the same requests as with the runner of the SDK', () => {
  it.each(Object.entries(cases))('%s', async (_, { replies, params, options, settings }) => {
    const request = { ...base, ...params };
    const theirs = await requested(replies, async (client) => {
      const runner = client.beta.messages.toolRunner({
        ...request,
        tools,
        stream: true,
        // The whole history in each request, as here.
        thread: false,
        ...settings,
      } as never) as unknown as AsyncIterable<{ finalMessage(): Promise<unknown> }>;
      for await (const stream of runner) await stream.finalMessage();
    });
    const ours = await requested(replies, (client) =>
      lastValueFrom(runTools(client.beta, request as never, { tools, ...options })),
    );
    expect(theirs.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
  });
});
