import * as otel from '@opentelemetry/api';
import { jsonOutput, MessageStreamError, requireMessageStop, type StreamEvent } from 'claude-rx';
import { type AgentMessage, fromAgent } from 'claude-rx/agent';
import { Conversation } from 'claude-rx/conversation';
import { traceAgent, traceMessage, traceTools } from 'claude-rx/telemetry';
import { messageEvents } from 'claude-rx/testing';
import { runTools } from 'claude-rx/tools';
import { concat, from, NEVER, type Observable, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { failure, params, received } from '../../support/server.ts';
import { statusOf, useTelemetry } from '../../support/telemetry.ts';
import { drawn } from '../../diagrams/drawn.ts';
import { testScheduler } from '../../support/marbles.ts';
import { tool, turnEvents } from '../tools/turns.ts';

const sent = { uuid: 'u', session_id: 'session_1', parent_tool_use_id: null };
const init = { type: 'system', subtype: 'init', model: 'claude-opus-5-5', ...sent };
const said = {
  type: 'assistant',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [{ type: 'text', text: 'Hello' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 4 },
  },
  ...sent,
};
const delta = {
  type: 'stream_event',
  event: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'He' } },
  ...sent,
};
const result = {
  type: 'result',
  subtype: 'success',
  is_error: false,
  result: 'Hello',
  num_turns: 2,
  total_cost_usd: 0.25,
  stop_reason: 'end_turn',
  usage: { input_tokens: 3, cache_read_input_tokens: 5, output_tokens: 4 },
  ...sent,
};
const failed = {
  ...result,
  subtype: 'error_during_execution',
  is_error: true,
  api_error_type: 'overloaded_error',
  api_error_status: 529,
};

const messages = (...list: object[]): Observable<AgentMessage> =>
  from(list) as unknown as Observable<AgentMessage>;
const traced = (source: Observable<AgentMessage>) =>
  source.pipe(traceAgent(otel, { name: 'reviewer', attributes: { 'app.id': 7 } }));

describe('traceAgent', () => {
  const spans = useTelemetry();

  it('records a session, and passes the messages on', async () => {
    const list = [init, delta, said, result];
    expect(await received(traced(messages(...list)))).toEqual(list);
    const [span] = spans.all;
    expect(span).toMatchObject({ name: 'invoke_agent reviewer', kind: otel.SpanKind.CLIENT });
    expect(statusOf(span!)).toBe('OK');
    expect(span!.attributes).toEqual({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.provider.name': 'anthropic',
      'gen_ai.agent.name': 'reviewer',
      'app.id': 7,
      'gen_ai.conversation.id': 'session_1',
      'gen_ai.response.model': 'claude-opus-5-5',
      'anthropic.message.stop_reason': 'end_turn',
      'claude_rx.turns': 2,
      'claude_rx.cost_usd': 0.25,
      'gen_ai.usage.input_tokens': 8,
      'gen_ai.usage.cache_read.input_tokens': 5,
      'gen_ai.usage.output_tokens': 4,
      'claude_rx.outcome': 'complete',
    });
  });

  const lost = throwError(() => new MessageStreamError('lost', { code: 'connection' }));
  it.each<[string, Observable<AgentMessage>, string, string | undefined, string]>([
    ['a result that is an error', messages(init, failed), 'ERROR', 'overloaded_error', 'error'],
    ['no result', messages(init, said), 'ERROR', 'truncated', 'error'],
    ['an error', concat(messages(init), lost), 'ERROR', 'connection', 'error'],
    ['an unsubscribe', concat(messages(init), NEVER), 'UNSET', undefined, 'unsubscribed'],
    [
      'an unsubscribe after the result',
      concat(messages(result), NEVER),
      'OK',
      undefined,
      'complete',
    ],
  ])('records %s', async (_, source, status, type, outcome) => {
    const left$ = status === 'ERROR' ? traced(source) : traced(source).pipe(take(1));
    await received(left$).catch(() => {});
    const span = spans.all.at(-1)!;
    expect([statusOf(span), span.attributes['error.type']]).toEqual([status, type]);
    expect(span.attributes['claude_rx.outcome']).toBe(outcome);
    expect(span.status.message).toBeUndefined();
  });

  it('records the failure of fromAgent', async () => {
    await failure(traced(fromAgent(() => received(messages(init, said, failed)) as never)));
    expect(statusOf(spans.all[0]!)).toBe('ERROR');
  });

  it('records no result if a field has the wrong type', async () => {
    await received(traced(messages({ ...result, num_turns: 'two', usage: null, session_id: 5 })));
    expect(spans.all[0]!.attributes).not.toHaveProperty('claude_rx.turns');
    expect(spans.all[0]!.attributes).not.toHaveProperty('gen_ai.conversation.id');
  });

  it('refuses an argument that is not the API, and an empty name', () => {
    expect(() => traceAgent({} as never, { name: 'a' })).toThrow(TypeError);
    expect(() => traceAgent(otel, { name: '' })).toThrow(/traceAgent: `name`/);
  });
});

describe('a Conversation without tools', () => {
  const spans = useTelemetry();

  it('is traced by the options of traceTools', async () => {
    const reply = messageEvents.text('Hello');
    const conversation = new Conversation(() => reply, params, traceTools(otel, { name: 'chat' }));
    await received(conversation.send('Hi'));
    const [chat, loop] = [spans.named(`chat ${params.model}`), spans.named('invoke_agent chat')];
    expect([statusOf(chat), statusOf(loop)]).toEqual(['OK', 'OK']);
    expect(chat.parentSpanContext?.spanId).toBe(loop.spanContext().spanId);
  });

  it('has the spans of a subagent as children of the call', async () => {
    const inner = () =>
      runTools(() => messageEvents.text('Found.'), params, {
        tools: [],
        ...traceTools(otel, { name: 'inner' }),
      });
    const loop = runTools(
      (_, { turn }) =>
        turn === 1 ? messageEvents.toolUse('a', { n: 1 }) : messageEvents.text('Ok'),
      params,
      { tools: [tool('a', inner)], ...traceTools(otel, { name: 'outer' }) },
    );
    await received(loop);
    const parentOf = (name: string) => spans.named(name).parentSpanContext?.spanId;
    expect(parentOf('invoke_agent inner')).toBe(spans.named('execute_tool a').spanContext().spanId);
    expect(parentOf('execute_tool a')).toBe(spans.named('invoke_agent outer').spanContext().spanId);
  });
});

describe('endings of an operator before traceMessage', () => {
  const spans = useTelemetry();
  const { model } = params;

  it(
    'passes the events on as they come, seams too',
    drawn(
      'traceMessage',
      () =>
        testScheduler().run(({ cold, expectObservable }) => {
          const { m, t, T, r, e, S } = turnEvents;
          const values = { m, '[': t, t: T, r, x: e, S };
          const diagram = '-m--[t-t----r-t--x--(S|)';
          const reply$ = cold<StreamEvent>(diagram, values).pipe(traceMessage(otel, { model }));
          expectObservable(reply$).toBe(diagram, values);
        }),
      { title: 'traceMessage(otel, { model })' },
    ),
  );

  it('records a refusal and invalid JSON with their codes', async () => {
    const refused = messageEvents.text('No').with({ stopReason: 'refusal' });
    const output = z.object({ a: z.number() });
    const parsed = (reply: Iterable<StreamEvent>) =>
      from([...reply]).pipe(
        requireMessageStop(),
        jsonOutput(output),
        traceMessage(otel, { model }) as never,
      );
    expect((await failure(parsed(refused))).code).toBe('refusal');
    const invalid = messageEvents.text('{"a":').with({ stopReason: 'end_turn' });
    expect((await failure(parsed(invalid))).code).toBe('invalid_json');
    expect(spans.all.map(statusOf)).toEqual(['ERROR', 'ERROR']);
    const types = spans.all.map(({ attributes }) => attributes['error.type']);
    expect(types).toEqual(['refusal', 'invalid_json']);
  });

  const hostile: Record<string, unknown> = {
    'no prototype': Object.create(null),
    'a getter that throws': Object.defineProperty({}, 'name', {
      get() {
        throw new Error('n');
      },
    }),
    'a message that throws': Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('m');
      },
    }),
    'a proxy': new Proxy(
      {},
      {
        get() {
          throw new Error('p');
        },
        has() {
          throw new Error('h');
        },
        getPrototypeOf() {
          throw new Error('g');
        },
      },
    ),
  };
  it.each(Object.keys(hostile))('ends the span when the source throws %s', async (name) => {
    const thrown = hostile[name];
    const reply$ = throwError(() => thrown).pipe(traceMessage(otel, { model }));
    let error: unknown;
    reply$.subscribe({ error: (given: unknown) => (error = given) });
    expect(error === thrown).toBe(true);
    await spans.ended(1);
    expect(statusOf(spans.all[0]!)).toBe('ERROR');
    expect(spans.all[0]!.attributes['error.type']).toEqual(expect.any(String));
  });
});
