import * as otel from '@opentelemetry/api';
import { fromMessages } from 'claude-rx';
import { type AgentMessage, streamEvents } from 'claude-rx/agent';
import { type SseMessage, toMessageEvents } from 'claude-rx/nest';
import { createRelay } from 'claude-rx/relay';
import { traceMessage } from 'claude-rx/telemetry';
import { messageEvents } from 'claude-rx/testing';
import { from, lastValueFrom, map, type Observable, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { params, received, useServer } from '../../support/server.ts';
import { statusOf, useTelemetry } from '../../support/telemetry.ts';

const events = Array.from(messageEvents.text('Hello wide world', { chunk: 4 }));
const { model } = params;

describe('traceMessage in a service', () => {
  const http = useServer();
  const spans = useTelemetry();
  const reply = (config = {}) => {
    http.server.reply({ events, pace: 2 });
    return fromMessages(http.client, params).pipe(traceMessage(otel, { model, ...config }));
  };

  it('links followers of a relay, early and late, to the reply that is published', async () => {
    const relay = createRelay();
    const { id, concluded } = await relay.publish(reply({ link: true }));
    const follow = () =>
      received(
        relay.follow(id).pipe(
          map(({ event }) => event),
          traceMessage(otel, { name: 'relay.follow' }),
        ),
      );
    const early = (await follow()).map(({ type }) => type);
    await concluded;
    await follow();
    expect(early.at(-1)).toBe('message_stop');
    await spans.ended(4);
    const { traceId, spanId } = spans.named(`chat ${model}`).spanContext();
    const followers = spans.all.filter(({ name }) => name === 'relay.follow');
    expect(followers.map(statusOf)).toEqual(['OK', 'OK']);
    for (const { links, attributes } of followers) {
      expect(links.map(({ context }) => context)).toMatchObject([{ traceId, spanId }]);
      expect(Object.keys(attributes).filter((name) => name.includes('gen_ai.usage'))).toEqual([]);
    }
    await relay.close();
  });

  it('has the span of the request as its parent in a route of Nest', async () => {
    const route = (): Observable<SseMessage> => reply().pipe(toMessageEvents());
    const span = otel.trace.getTracer('http').startSpan('GET /chat');
    await otel.context.with(otel.trace.setSpan(otel.context.active(), span), () =>
      lastValueFrom(route()),
    );
    span.end();
    await spans.ended(3);
    const chat = spans.named(`chat ${model}`);
    expect(chat.parentSpanContext?.spanId).toBe(span.spanContext().spanId);
    expect(statusOf(chat)).toBe('OK');
  });

  it('records what Claude Code writes, behind streamEvents', async () => {
    const message = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model,
      content: [{ type: 'text', text: 'Hello' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 3, output_tokens: 4 },
    };
    const sent = { uuid: 'u', session_id: 's', parent_tool_use_id: null };
    const messages = [
      { type: 'assistant', message, ...sent },
      { type: 'result', subtype: 'success', is_error: false, result: 'Hello', ...sent },
    ] as unknown as AgentMessage[];
    await received(from(messages).pipe(streamEvents(), traceMessage(otel, { model })));
    await received(of(...events).pipe(traceMessage(otel, { model })));
    expect(spans.all.map(statusOf)).toEqual(['OK', 'OK']);
    expect(spans.all[0]!.attributes).toMatchObject({ 'gen_ai.response.id': 'msg_1' });
  });
});
