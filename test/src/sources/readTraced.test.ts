import Anthropic from '@anthropic-ai/sdk';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { finalMessage, fromMessages } from 'claude-rx';
import { messageEvents, type ReplyScript } from 'claude-rx/testing';
import { lastValueFrom, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { failure, params, received, until, useServer } from '../../support/server.ts';
import { statusOf, useTelemetry } from '../../support/telemetry.ts';

const events = Array.from(
  messageEvents
    .thinking('Hm')
    .text('Hello wide world', { chunk: 3 })
    .with({ usage: { cache_read_input_tokens: 20 } }),
);
const withFallback = messageEvents
  .block({ type: 'fallback', from: { model: 'a' }, to: { model: 'b' } } as never)
  .text('Hello')
  // Else the server would number it.
  .with({ id: 'msg_1' });

/** What the SDK's span must have in common with that of the SDK's own stream. */
function essence(span: ReadableSpan) {
  const { 'gen_ai.response.time_to_first_chunk': firstChunk, ...attributes } = span.attributes;
  // The server numbers the requests.
  delete attributes['anthropic.request.id'];
  return { status: statusOf(span), ...attributes, hasFirstChunk: firstChunk !== undefined };
}

const endings: [name: string, status: string, type: string | undefined, reply: ReplyScript][] = [
  ['a whole reply', 'OK', undefined, { events }],
  ['a reply of another model', 'OK', undefined, { events: withFallback }],
  [
    'an error frame',
    'ERROR',
    'overloaded_error',
    { events, fault: { kind: 'error', beforeEvent: 5 } },
  ],
  [
    'an error frame at once',
    'ERROR',
    'overloaded_error',
    { events, fault: { kind: 'error', beforeEvent: 0 } },
  ],
  [
    'an end before message_stop',
    'ERROR',
    'api_error',
    { events, fault: { kind: 'end', beforeEvent: 5 } },
  ],
  [
    'an end right before message_stop',
    'ERROR',
    'api_error',
    { events, fault: { kind: 'end', beforeEvent: events.length - 1 } },
  ],
  ['a page', 'ERROR', 'api_error', { body: '<html>', headers: { 'content-type': 'text/html' } }],
  ['an empty body', 'ERROR', 'api_error', { body: '' }],
  [
    'a closed connection',
    'ERROR',
    'client_error',
    { events, fault: { kind: 'fin', beforeEvent: 5 } },
  ],
  [
    'a reset connection',
    'ERROR',
    'client_error',
    { events, fault: { kind: 'rst', beforeEvent: 5 } },
  ],
  [
    'a garbage frame',
    'ERROR',
    'client_error',
    { events, fault: { kind: 'garbage', beforeEvent: 5 } },
  ],
  [
    'an HTTP error',
    'ERROR',
    'overloaded_error',
    {
      status: 529,
      body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    },
  ],
];

describe("the SDK's span of a request of fromMessages", () => {
  const http = useServer();
  const spans = useTelemetry();
  const clients: [string, () => Anthropic][] = [
    ['client', () => http.client],
    ['client.beta', () => http.client.beta as never],
  ];

  describe.each(clients)('of %s', (_, clientOf) => {
    it.each(endings)(
      'ends as that of the stream of the SDK: %s',
      async (_, status, type, reply) => {
        http.server.reply(reply, reply);
        const client = clientOf();
        http.client.logLevel = 'off';
        const read = async () => {
          const call = client.messages.create({ ...params, stream: true } as never);
          for await (const _event of (await call) as never as AsyncIterable<unknown>);
        };
        await read().catch(() => {});
        await lastValueFrom(fromMessages(client, params)).catch(() => {});
        const [expected, span] = (await spans.ended(2)) as [ReadableSpan, ReadableSpan];
        expect(essence(span)).toEqual(essence(expected));
        expect(essence(span)).toMatchObject({ status, 'server.address': '127.0.0.1' });
        expect(span.attributes['error.type']).toBe(type);
      },
    );

    it('is unset after an unsubscribe, in a stall, inside a burst and before the headers', async () => {
      const client = clientOf();
      const stalled = { events, fault: { kind: 'stall', beforeEvent: 4 } } as const;
      http.server.reply(stalled, events, { events, delay: 60_000 });
      let seen = 0;
      const inStall = fromMessages(client, params).subscribe(() => seen++);
      await until(() => seen === 4);
      inStall.unsubscribe();
      expect(spans.all, 'it ends at once').toHaveLength(1);
      expect(await http.server.requests[0]!.finished).toBe('client-left');
      await received(fromMessages(client, params).pipe(take(3)));
      const early = fromMessages(client, params).subscribe();
      await until(() => http.server.requests.length === 3);
      early.unsubscribe();
      for (const span of await spans.ended(3)) {
        expect(statusOf(span)).toBe('UNSET');
        expect(span.attributes).not.toHaveProperty('error.type');
      }
      expect(spans.all[0]!.attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 45 });
    });
  });

  it('is unset after an unsubscribe in onResponse, and after an abort', async () => {
    http.server.reply(events, { events, fault: { kind: 'stall', beforeEvent: 4 } });
    const onResponse = () => subscription.unsubscribe();
    const subscription = fromMessages(http.client, params, { onResponse }).subscribe();
    await spans.ended(1);
    const controller = new AbortController();
    const aborted = failure(fromMessages(http.client, params, { signal: controller.signal }));
    await until(() => http.server.requests.length === 2);
    setTimeout(() => controller.abort(), 20);
    expect(await aborted).toMatchObject({ code: 'aborted' });
    expect((await spans.ended(2)).map(statusOf)).toEqual(['UNSET', 'UNSET']);
  });

  it('is OK after a whole reply of which its reader left at message_stop', async () => {
    http.server.reply({ events, keepOpen: true });
    await received(fromMessages(http.client, params).pipe(take(events.length)));
    const [span] = await spans.ended(1);
    expect(statusOf(span!)).toBe('OK');
    expect(span!.attributes).toMatchObject({ 'anthropic.message.stop_reason': 'end_turn' });
  });

  it('is OK without message_stop only where that is allowed', async () => {
    const cut = { events: events.slice(0, -1) };
    http.server.reply(cut, cut);
    await received(fromMessages(http.client, params, { allowMissingMessageStop: true }));
    await failure(fromMessages(http.client, params));
    expect((await spans.ended(2)).map(statusOf)).toEqual(['OK', 'ERROR']);
  });

  it.each([
    ['whole', 'OK', { events }],
    ['lost', 'ERROR', { events, fault: { kind: 'rst', atByte: 50 } }],
  ] as const)(
    'has the tokens and the ending of a reply that does not stream: %s',
    async (_, status, reply) => {
      http.server.reply(reply);
      const reply$ = fromMessages(http.client, params, { stream: false }).pipe(finalMessage());
      await lastValueFrom(reply$).catch(() => {});
      const [span] = await spans.ended(1);
      expect(statusOf(span!)).toBe(status);
      expect(span!.attributes['gen_ai.usage.input_tokens']).toBe(status === 'OK' ? 45 : undefined);
    },
  );

  it('does not mix two replies, and what is not traced has no span', async () => {
    const error = { events, fault: { kind: 'error', beforeEvent: 5 } } as const;
    http.server.reply({ events, pace: 2 }, { ...error, pace: 2 }, events);
    const untraced = new Anthropic({ apiKey: 'x', baseURL: http.server.url, openTelemetry: false });
    await Promise.all([
      received(fromMessages(http.client, params)),
      failure(fromMessages(http.client, params)),
    ]);
    await received(fromMessages(untraced, params));
    expect((await spans.ended(2)).map(statusOf).toSorted()).toEqual(['ERROR', 'OK']);
  });
});
