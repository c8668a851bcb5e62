import Anthropic from '@anthropic-ai/sdk';
import {
  continueFrom,
  finalText,
  fromMessages,
  fromResponse,
  RequestGate,
  retryResumable,
  textOnly,
} from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import { httpError, messageEvents, MessagesServer } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import { lastValueFrom, merge, Subject, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { failure, params, received, until, useServer } from '../../support/server.ts';

const context = useServer();
const hello = messageEvents.text('Hello world');

const gated = (gate: RequestGate, key?: string) =>
  gate.run((options) => fromMessages(context.client, params, options), { key });

describe('RequestGate over HTTP', () => {
  it('runs fromMessages, and learns the limits from its headers', async () => {
    const gate = new RequestGate();
    context.server.reply({
      events: hello,
      headers: {
        'anthropic-ratelimit-requests-limit': '50',
        'anthropic-ratelimit-requests-remaining': '49',
        'anthropic-ratelimit-output-tokens-limit': '8000',
        'anthropic-ratelimit-output-tokens-remaining': '8000',
      },
    });
    expect(await lastValueFrom(gated(gate).pipe(finalText()))).toBe('Hello world');
    expect(gate.state.limits.requests).toEqual({ limit: 50, remaining: 49 });
    expect(gate.state.limits.outputTokens?.remaining).toBeLessThanOrEqual(8_000);
    expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
  });

  it("turns off the SDK's own retries, and holds after a 429", async () => {
    const client = new Anthropic({ apiKey: 'test', baseURL: context.server.url, logLevel: 'off' });
    const gate = new RequestGate();
    context.server.reply(httpError(429, { retryAfter: 0.1 }), hello);
    const error = await failure(gate.run((options) => fromMessages(client, params, options)));
    expect(error).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(context.server.requests).toHaveLength(1);
    expect(gate.state.heldUntil).toBeGreaterThan(0);
    expect(await lastValueFrom(gated(gate).pipe(finalText()))).toBe('Hello world');
  });

  it('learns from a fetch that answers 429', async () => {
    const gate = new RequestGate();
    context.server.reply(
      httpError(429, {
        retryAfter: 0.05,
        headers: {
          'anthropic-ratelimit-requests-limit': '60',
          'anthropic-ratelimit-requests-remaining': '0',
        },
      }),
    );
    const body = JSON.stringify({ ...params, stream: true });
    const error = await failure(
      gate.run((options) =>
        fromResponse(
          (signal) => fetch(`${context.server.url}/v1/messages`, { method: 'POST', body, signal }),
          options,
        ),
      ),
    );
    expect(error.code).toBe('rate_limited');
    expect(gate.state.limits.requests).toEqual({ limit: 60, remaining: 0 });
    expect(gate.state.heldUntil).toBeGreaterThan(0);
  });

  it('frees the place of a reader that leaves before the headers', async () => {
    const gate = new RequestGate({ concurrency: 1 });
    context.server.reply({ events: hello, delay: 10_000 }, hello);
    const first = gated(gate).subscribe();
    await until(() => context.server.requests.length === 1);
    const second = received(gated(gate).pipe(textOnly()));
    expect(gate.state).toMatchObject({ running: 1, waiting: 1 });
    first.unsubscribe();
    expect(gate.state).toMatchObject({ running: 1, waiting: 0 });
    expect((await second).join('')).toBe('Hello world');
  });

  it('is the `request` of runTools: a place for each turn, and none for the tools', async () => {
    const gate = new RequestGate({ concurrency: 1 });
    const weather = defineTool({
      name: 'weather',
      description: 'The weather',
      input: z.object({}),
      run: async () => {
        await until(() => gate.state.running === 0);
        return 'sunny';
      },
    });
    context.server.reply(messageEvents.toolUse('weather'), messageEvents.text('It is sunny.'));
    const loop = runTools(
      (turn) => gate.run((options) => fromMessages(context.client, turn, options)),
      params,
      { tools: [weather] },
    );
    await received(loop);
    expect(context.server.requests).toHaveLength(2);
    expect(JSON.stringify(context.server.requests[1]?.body.messages)).toContain('sunny');
    expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
  });

  it('is the source of a Conversation, which can be stopped while it waits', async () => {
    const gate = new RequestGate({ concurrency: 1 });
    const { messages: _, ...rest } = params;
    const chat = new Conversation(
      (turn) => gate.run((options) => fromMessages(context.client, turn, options)),
      rest,
    );
    context.server.reply(hello);
    expect(await lastValueFrom(chat.send('Hi').pipe(finalText()))).toBe('Hello world');

    const busy = new Subject<never>();
    const other = gate.run(() => busy).subscribe();
    const stopped = received(chat.send('More')).catch((error: unknown) => error);
    expect(gate.state).toMatchObject({ running: 1, waiting: 1 });
    chat.stop();
    await stopped;
    expect(gate.state).toMatchObject({ running: 1, waiting: 0 });
    other.unsubscribe();
    expect(context.server.requests).toHaveLength(1);
  });

  it('works under retryResumable: each attempt waits, and the text is joined', async () => {
    const gate = new RequestGate({ concurrency: 1 });
    context.server.reply(
      { events: messageEvents.text('One two three four'), fault: { kind: 'rst', beforeEvent: 4 } },
      httpError(429, { retryAfter: 0.05 }),
      messageEvents.text(' and the rest.'),
    );
    const ask = (turn: Anthropic.MessageCreateParamsNonStreaming) =>
      gate.run((options) => fromMessages(context.client, turn, options));
    const text = ask(params).pipe(
      retryResumable({ resume: ({ partial }) => ask(continueFrom(params, partial)) }),
      finalText(),
    );
    expect(await lastValueFrom(text)).toMatch(/^One two.* and the rest\.$/);
    expect(context.server.requests).toHaveLength(3);
    expect(gate.state).toMatchObject({ running: 0, waiting: 0 });
  });
});

describe('RequestGate against the token buckets of MessagesServer', () => {
  it('sends no request that is refused, once the first response has come', async () => {
    await using server = await MessagesServer.start({
      limits: {
        requests: { perMinute: 6_000, remaining: 6 },
        inputTokens: { perMinute: 600_000, remaining: 400 },
      },
    });
    server.handle(() => messageEvents.text('Hi').with({ usage: { input_tokens: 100 } }));
    const client = new Anthropic({ apiKey: 'test', baseURL: server.url, logLevel: 'off' });
    const gate = new RequestGate({ concurrency: 4 });
    const ask = () =>
      gate
        .run((options) => fromMessages(client, params, options), { tokens: { input: 100 } })
        .pipe(finalText());
    expect(await lastValueFrom(ask())).toBe('Hi');
    const texts = await lastValueFrom(merge(...Array.from({ length: 30 }, ask)).pipe(toArray()));
    expect(texts).toHaveLength(30);
    expect(server.requests).toHaveLength(31);
  });
});
