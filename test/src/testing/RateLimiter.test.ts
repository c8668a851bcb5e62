import Anthropic from '@anthropic-ai/sdk';
import { messageEvents, MessagesServer, type ServerLimits } from 'claude-rx/testing';
import { describe, expect, it } from 'vitest';

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

async function post(server: MessagesServer, body: object = params): Promise<Response> {
  const response = await fetch(`${server.url}/v1/messages`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  await response.clone().text();
  return response;
}

const limitsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('anthropic-ratelimit-')));

const remaining = (response: Response, name: string) =>
  Number(response.headers.get(`anthropic-ratelimit-${name}-remaining`));

describe('MessagesServer: limits', () => {
  it('reports them in the headers of each reply', async () => {
    await using server = await MessagesServer.start({ limits: { requests: 3 } });
    server.handle(() => messageEvents.text('Hi'));
    const before = Date.now();
    const response = await post(server);
    const headers = limitsOf(response);
    expect(headers).toMatchObject({
      'anthropic-ratelimit-requests-limit': '3',
      'anthropic-ratelimit-requests-remaining': '2',
    });
    // It takes 20 s to refill one, in whole seconds.
    const reset = headers['anthropic-ratelimit-requests-reset']!;
    expect(reset).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Date.parse(reset)).toBeGreaterThan(before + 19_000);
    expect(Date.parse(reset)).toBeLessThan(Date.now() + 21_001);
  });

  it('refuses with 429 and retry-after, as the API does, and charges nothing for it', async () => {
    await using server = await MessagesServer.start({ limits: { requests: 2 } });
    server.handle(() => messageEvents.text('Hi'));
    const statuses = [];
    for (let index = 0; index < 4; index++) statuses.push((await post(server)).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
    const response = await post(server);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(30);
    expect(remaining(response, 'requests')).toBe(0);
    expect(await response.json()).toEqual({
      type: 'error',
      error: {
        type: 'rate_limit_error',
        message: 'This request would exceed the rate limit of requests per minute',
      },
      request_id: 'req_5',
    });
    const client = new Anthropic({ apiKey: 'test', baseURL: server.url, maxRetries: 0 });
    await expect(client.messages.create(params)).rejects.toBeInstanceOf(Anthropic.RateLimitError);
  });

  it.each([
    ['streamed', { ...params, stream: true }],
    ['whole', params],
  ])('charges the usage that a reply reports: %s', async (_, body) => {
    await using server = await MessagesServer.start({
      limits: { inputTokens: 10_000, outputTokens: 5_000, tokens: 20_000 },
    });
    const usage = {
      input_tokens: 1_000,
      cache_creation_input_tokens: 500,
      cache_read_input_tokens: 9_000,
      output_tokens: 700,
    };
    server.reply(messageEvents.text('Hi').with({ usage }), messageEvents.text('Hi'));
    await post(server, body);
    const response = await post(server, body);
    const small = 100;
    const near = (left: number, most: number) => {
      expect(left).toBeLessThanOrEqual(most + small * 4);
      expect(left).toBeGreaterThanOrEqual(most - small);
    };
    near(remaining(response, 'input-tokens'), 8_500);
    near(remaining(response, 'output-tokens'), 4_300);
    near(remaining(response, 'tokens'), 17_800);
  });

  it('lets the output fall below zero, and refuses requests until some is left again', async () => {
    await using server = await MessagesServer.start({ limits: { outputTokens: 100 } });
    server.handle(() => messageEvents.text('Hi').with({ usage: { output_tokens: 150 } }));
    expect((await post(server)).status).toBe(200);
    const response = await post(server);
    expect(response.status).toBe(429);
    // 51 tokens at 100 a minute.
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(25);
  });

  it('rounds tokens to the nearest thousand, as the API does', async () => {
    await using server = await MessagesServer.start({
      limits: { inputTokens: { perMinute: 80_000, remaining: 61_600 } },
    });
    server.reply(messageEvents.text('Hi'));
    expect(remaining(await post(server), 'input-tokens')).toBe(62_000);
  });

  it('refills continuously', async () => {
    await using server = await MessagesServer.start({
      limits: { requests: { perMinute: 6_000, remaining: 1 } },
    });
    server.handle(() => messageEvents.text('Hi'));
    const statuses: number[] = [];
    // One comes each 10 ms.
    while (statuses.filter((status) => status === 200).length < 4) {
      statuses.push((await post(server)).status);
    }
    expect(statuses[0]).toBe(200);
  });

  it('charges a recording', async () => {
    await using server = await MessagesServer.start({ limits: { inputTokens: 10_000 } });
    const recording = Array.from(
      messageEvents.text('Hi').with({ usage: { input_tokens: 3_000 } }),
      (event) => JSON.stringify({ at: 0, event }),
    ).join('\n');
    server.reply({ recording }, messageEvents.text('Hi'));
    await post(server, { ...params, stream: true });
    expect(remaining(await post(server), 'input-tokens')).toBeLessThan(8_000);
  });

  it.each<[ServerLimits, RegExp]>([
    [{ requests: 0 }, /limits.requests: `perMinute` must be .* not 0/],
    [{ requests: { perMinute: 5, remaining: 6 } }, /limits.requests: `remaining`/],
    [{ tokens: { remaining: 6 } as never }, /limits.tokens: perMinute is missing/],
    [{ perMinute: 6 } as never, /unknown field 'perMinute'/],
  ])('refuses the limits %o', async (limits, message) => {
    await expect(MessagesServer.start({ limits })).rejects.toThrow(message);
  });
});
