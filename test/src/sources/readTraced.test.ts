import Anthropic from '@anthropic-ai/sdk';
import { finalMessage, fromMessages } from 'claude-rx';
import { lastValueFrom, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { failure, params, received, until, useServer } from '../../support/server.ts';
import { statusOf, useTelemetry } from '../../support/telemetry.ts';
import { endings, events, expectSameSpan } from '../../support/tracedEndings.ts';

describe("the SDK's span of a request of fromMessages", () => {
  const http = useServer();
  const spans = useTelemetry();
  const clients: [string, () => Anthropic][] = [
    ['client', () => http.client],
    ['client.beta', () => http.client.beta as never],
  ];

  describe.each(clients)('of %s', (_, clientOf) => {
    it.each(endings)('ends as that of the stream of the SDK: %s', async (...ending) => {
      http.client.logLevel = 'off';
      await expectSameSpan(clientOf(), http.server, spans, ending);
    });

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
