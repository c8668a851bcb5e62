import Anthropic from '@anthropic-ai/sdk';
import * as otel from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import {
  continueFrom,
  finalMessage,
  fromMessages,
  MessageStreamError,
  messageTimeout,
  retryResumable,
  type StreamEvent,
} from 'claude-rx';
import {
  recordRetry,
  traceHeaders,
  traceMessage,
  type TraceMessageConfig,
} from 'claude-rx/telemetry';
import { httpError, messageEvents, type ReplyScript } from 'claude-rx/testing';
import {
  concat,
  defer,
  from,
  lastValueFrom,
  type Observable,
  Subject,
  take,
  tap,
  throwError,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { failure, params, received, until, useServer } from '../../support/server.ts';
import { statusOf, useTelemetry } from '../../support/telemetry.ts';

const events = Array.from(
  messageEvents
    .thinking('Hm')
    .text('Hello wide world', { chunk: 3 })
    .with({
      usage: {
        input_tokens: 7,
        output_tokens: 9,
        cache_read_input_tokens: 20,
        cache_creation_input_tokens: 3,
      },
    }),
);
const { model } = params;
const cut = { events, fault: { kind: 'rst', beforeEvent: 5 } } as const;

describe('traceMessage', () => {
  const http = useServer();
  const spans = useTelemetry();
  const untraced = () =>
    new Anthropic({ apiKey: 'x', baseURL: http.server.url, maxRetries: 0, openTelemetry: false });
  const ask = (options = {}) => fromMessages(untraced(), params, options);
  const traced = (reply$: Observable<StreamEvent>, config: Partial<TraceMessageConfig> = {}) =>
    reply$.pipe(traceMessage(otel, { model, ...config }));

  type Failure = [code: string, errorType: string, reply: ReplyScript, pipe?: 'timeout'];
  const failures: Failure[] = [
    ['truncated', 'truncated', { events, fault: { kind: 'end', beforeEvent: 5 } }],
    ['timeout', 'timeout', { events, fault: { kind: 'stall', beforeEvent: 5 } }, 'timeout'],
    ['connection', 'connection', cut],
    ['overloaded', 'overloaded_error', { events, fault: { kind: 'error', beforeEvent: 5 } }],
    ['overloaded', 'overloaded_error', httpError(529)],
    ['rate_limited', 'rate_limit_error', httpError(429)],
    ['api', 'api_error', httpError(500)],
    ['request', 'invalid_request_error', httpError(400)],
    ['protocol', 'protocol', { body: '<html>', headers: { 'content-type': 'text/html' } }],
    // The tables of docs/errors.md.
    ...(
      [
        [401, 'request', 'authentication_error'],
        [403, 'request', 'permission_error'],
        [404, 'request', 'not_found_error'],
        [408, 'timeout', 'api_error'],
        [409, 'request', 'api_error'],
        [413, 'request', 'request_too_large'],
        [502, 'api', 'api_error'],
        [503, 'overloaded', 'api_error'],
        [504, 'api', 'timeout_error'],
      ] as const
    ).map(([status, code, type]): Failure => [code, type, httpError(status, { type })]),
    ...(
      [
        ['rate_limited', 'rate_limit_error'],
        ['api', 'api_error'],
        ['api', 'timeout_error'],
        ['request', 'invalid_request_error'],
        ['request', 'authentication_error'],
        ['request', 'billing_error'],
        ['request', 'permission_error'],
        ['request', 'not_found_error'],
        ['request', 'request_too_large'],
        ['api', 'new_error'],
      ] as const
    ).map(([code, type]): Failure => [
      code,
      type,
      { events, fault: { kind: 'error', beforeEvent: 5, error: { type, message: 'No' } } },
    ]),
  ];

  it('records a whole reply, cached tokens among the input', async () => {
    http.server.reply(events);
    expect(await received(traced(ask()))).toEqual(events);
    const [span] = spans.all;
    expect(span).toMatchObject({ name: `chat ${model}`, kind: otel.SpanKind.CLIENT });
    expect(statusOf(span!)).toBe('OK');
    const { 'gen_ai.response.time_to_first_chunk': firstChunk, ...attributes } = span!.attributes;
    expect(firstChunk).toBeGreaterThanOrEqual(0);
    expect(attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'anthropic',
      'gen_ai.request.model': model,
      'gen_ai.request.stream': true,
      'gen_ai.response.id': 'msg_1',
      'gen_ai.response.model': model,
      'gen_ai.response.finish_reasons': ['end_turn'],
      'anthropic.message.stop_reason': 'end_turn',
      'gen_ai.usage.input_tokens': 30,
      'gen_ai.usage.cache_read.input_tokens': 20,
      'gen_ai.usage.cache_write.input_tokens': 3,
      'gen_ai.usage.output_tokens': 9,
      'claude_rx.outcome': 'complete',
    });
  });

  it.each(failures)('records the failure %s as %s', async (code, type, reply, pipe) => {
    http.server.reply(reply);
    const reply$ = pipe ? ask().pipe(messageTimeout({ first: 10_000, liveness: 50 })) : ask();
    expect(await failure(traced(reply$))).toMatchObject({ code });
    const [span] = spans.all;
    expect(statusOf(span!)).toBe('ERROR');
    expect(span!.attributes).toMatchObject({
      'error.type': type,
      'gen_ai.response.finish_reasons': ['error'],
      'claude_rx.outcome': 'error',
    });
    // An error in the status could quote the content.
    expect(span!.status.message).toBeUndefined();
    // Before the last `message_delta` the output is a placeholder.
    expect(span!.attributes).not.toHaveProperty('gen_ai.usage.output_tokens');
    const input = 'events' in (reply as object) ? 30 : undefined;
    expect(span!.attributes['gen_ai.usage.input_tokens']).toBe(input);
    expect(span!.events).toEqual([]);
  });

  it.each(['refusal', 'invalid_json'] as const)(
    'records the error %s of a source of the user',
    async (code) => {
      const failing = throwError(() => new MessageStreamError('No', { code }));
      expect(await failure(traced(concat(from(events.slice(0, 5)), failing)))).toMatchObject({
        code,
      });
      const [span] = spans.all;
      expect(statusOf(span!)).toBe('ERROR');
      expect(span!.attributes).toMatchObject({
        'error.type': code,
        'gen_ai.usage.input_tokens': 30,
        'claude_rx.outcome': 'error',
      });
    },
  );

  it('records an aborted signal, a foreign error, and a request without a response', async () => {
    http.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } });
    const controller = new AbortController();
    const aborted = failure(traced(ask({ signal: controller.signal })));
    await until(() => http.server.requests.length === 1);
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'aborted' });
    const broken = defer(() => {
      throw new RangeError('no');
    });
    await expect(received(traced(broken))).rejects.toThrow(RangeError);
    const nobody = new Anthropic({
      apiKey: 'x',
      baseURL: 'http://127.0.0.1:9',
      maxRetries: 0,
      openTelemetry: false,
    });
    await failure(traced(fromMessages(nobody, params)));
    expect(spans.all.map(({ attributes }) => attributes['error.type'])).toEqual([
      'aborted',
      'RangeError',
      'connection',
    ]);
    expect(spans.all.map(statusOf)).toEqual(['ERROR', 'ERROR', 'ERROR']);
  });

  it('leaves the status unset after an unsubscribe, unless the reply was complete', async () => {
    http.server.reply({ events, fault: { kind: 'stall', beforeEvent: 5 } }, events, {
      events,
      keepOpen: true,
    });
    let seen = 0;
    const subscription = traced(ask()).subscribe(() => seen++);
    await until(() => seen === 5);
    subscription.unsubscribe();
    await received(traced(ask()).pipe(take(3)));
    await lastValueFrom(traced(ask()).pipe(finalMessage()));
    expect(spans.all.map(statusOf)).toEqual(['UNSET', 'UNSET', 'OK']);
    expect(spans.all.map(({ attributes }) => attributes['claude_rx.outcome'])).toEqual([
      'unsubscribed',
      'unsubscribed',
      'complete',
    ]);
    expect(spans.all[0]!.attributes).not.toHaveProperty('error.type');
    expect(spans.all[0]!.attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 30 });
  });

  it("covers all attempts, whose requests are its children, and leaves the tokens to the SDK's spans", async () => {
    const overloaded = httpError(529);
    http.server.reply(overloaded, cut, events);
    const ask = () => fromMessages(http.client, params);
    const reply$ = ask().pipe(
      retryResumable({
        resume: ({ partial }) => fromMessages(http.client, continueFrom(params, partial)),
        onRetry: recordRetry(otel),
        delay: 5,
      }),
    );
    await received(traced(reply$));
    await spans.ended(4);
    const [ours] = spans.ours;
    expect(spans.sdk.map(statusOf)).toEqual(['ERROR', 'ERROR', 'OK']);
    for (const child of spans.sdk) {
      expect(child.parentSpanContext?.spanId).toBe(ours!.spanContext().spanId);
    }
    expect(ours!.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      [
        'retry',
        { 'claude_rx.attempt': 2, 'error.type': 'overloaded_error', 'claude_rx.seconds': 0.005 },
      ],
      ['retry', { 'claude_rx.attempt': 3, 'error.type': 'connection', 'claude_rx.seconds': 0.005 }],
      ['resume', expect.objectContaining({ 'claude_rx.attempt': 3, 'error.type': 'connection' })],
    ]);
    expect(statusOf(ours!)).toBe('OK');
    expect(ours!.attributes).toMatchObject({
      'claude_rx.attempts': 3,
      'claude_rx.usage.output_tokens': 10,
    });
    expect(Object.keys(ours!.attributes).filter((name) => name.startsWith('gen_ai.usage'))).toEqual(
      [],
    );
    expect(spans.sdk[2]!.attributes).toMatchObject({ 'gen_ai.usage.output_tokens': 9 });
    // The header that the API receives names the SDK's span.
    const sent = http.server.requests.map(({ headers }) => headers['traceparent']);
    expect(sent).toEqual(
      spans.sdk.map((span) => expect.stringContaining(span.spanContext().spanId)),
    );
  });

  it('reports the attempts of a reply that was given up', async () => {
    http.server.reply(cut, cut);
    const resume = () => ask();
    await failure(traced(ask().pipe(retryResumable({ resume, count: 1 }))));
    expect(spans.all[0]!.attributes).toMatchObject({
      'claude_rx.attempts': 2,
      'error.type': 'connection',
    });
  });

  it('does not mix two replies, nor make a request that follows a child', async () => {
    http.server.reply({ events, pace: 2 }, { ...cut, pace: 2 });
    const tracer = otel.trace.getTracer('test');
    const root = (name: string) =>
      tracer.startActiveSpan(name, async (span) => {
        await received(traced(fromMessages(http.client, params))).catch(() => {});
        span.end();
      });
    await Promise.all([root('one'), root('two')]);
    await spans.ended(6);
    const parentOf = (span: ReadableSpan) =>
      spans.all.find((one) => one.spanContext().spanId === span.parentSpanContext?.spanId)!.name;
    for (const ours of spans.all.filter(({ name }) => name.startsWith('chat'))) {
      expect(parentOf(ours)).toMatch(/one|two/);
      const request = spans.sdk.find(
        (span) => span.parentSpanContext?.spanId === ours.spanContext().spanId,
      );
      expect(statusOf(request!)).toBe(statusOf(ours));
    }
    spans.reset();
    http.server.reply(events, events);
    const active: unknown[] = [];
    const see = () => active.push(otel.trace.getActiveSpan());
    const isDelta = ({ type }: StreamEvent) => type === 'content_block_delta';
    await received(
      traced(ask()).pipe(tap({ next: (event) => isDelta(event) || see(), complete: see })),
    );
    const others = events.filter((event) => !isDelta(event));
    expect(active).toEqual(Array(others.length + 1).fill(undefined));
  });

  it('counts pings, and records stalls as events, at most 100', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<StreamEvent>();
    source
      .pipe(traceMessage(otel, { model, scheduler, stallAfter: 10 }))
      .subscribe({ error: () => {} });
    for (const event of events.slice(0, 4)) source.next(event);
    for (let index = 0; index < 120; index++) {
      source.next({ type: 'ping' });
      scheduler.frame += index === 0 ? 2_000 : 11;
      source.next(events[3]!);
    }
    source.error(new Error('it broke'));
    const [span] = spans.all;
    expect(span!.attributes).toMatchObject({ 'claude_rx.pings': 120, 'claude_rx.stalls': 120 });
    expect(span!.events).toHaveLength(100);
    expect(span!.events[0]).toMatchObject({
      name: 'stall',
      attributes: { 'claude_rx.seconds': 2 },
    });
  });

  it('records content only on request', async () => {
    http.server.reply(events, events, events);
    const secret = {
      ...params,
      system: 'Be kind',
      messages: [{ role: 'user' as const, content: 'Hi there' }],
    };
    const text = () =>
      JSON.stringify(spans.all.map(({ attributes, events }) => [attributes, events]));
    await received(traced(ask()));
    expect(text()).not.toMatch(/Hello|wide|Hm/);
    await received(traced(ask(), { content: true }));
    expect(text()).toMatch(/Hello wide world/);
    expect(text()).not.toMatch(/Hi there/);
    await received(traced(ask(), { content: secret }));
    const { attributes } = spans.all[2]!;
    expect(JSON.parse(attributes['gen_ai.output.messages'] as string)).toEqual([
      {
        role: 'assistant',
        finish_reason: 'end_turn',
        parts: [
          { type: 'reasoning', content: 'Hm' },
          { type: 'text', content: 'Hello wide world' },
        ],
      },
    ]);
    expect(JSON.parse(attributes['gen_ai.input.messages'] as string)).toEqual([
      { role: 'user', parts: [{ type: 'text', content: 'Hi there' }] },
    ]);
    expect(attributes['gen_ai.system_instructions']).toBe('[{"type":"text","content":"Be kind"}]');
  });

  it('cuts off content that is too long, and marks it', async () => {
    const long = Array.from(messageEvents.text('x'.repeat(150_000), { chunk: 50_000 }));
    await received(traced(from(long), { content: true }));
    const { attributes } = spans.all[0]!;
    expect(attributes['gen_ai.output.messages']).toHaveLength(100_000);
    expect(attributes['claude_rx.content.truncated']).toBe(true);
  });

  it('links the span of a reader to that of the writer, which alone has the tokens', async () => {
    const written = await received(traced(from(events), { link: true }));
    expect(written[0]).toMatchObject({ type: 'message_start', traceparent: expect.any(String) });
    const sent = JSON.parse(JSON.stringify(written)) as StreamEvent[];
    const read = await received(from(sent).pipe(traceMessage(otel, { name: 'follow' })));
    expect(read).toEqual(events);
    const [writer, reader] = spans.all;
    expect(reader).toMatchObject({ name: 'follow', kind: otel.SpanKind.INTERNAL });
    expect(reader!.links.map(({ context }) => context.spanId)).toEqual([
      writer!.spanContext().spanId,
    ]);
    expect(writer!.attributes).toHaveProperty('gen_ai.usage.output_tokens');
    expect(reader!.attributes).not.toHaveProperty('gen_ai.usage.output_tokens');
    expect(reader!.attributes).not.toHaveProperty('gen_ai.operation.name');
    const broken = [{ ...events[0]!, traceparent: 'zz' } as never, ...events.slice(1)];
    expect(await received(traced(from(broken)))).toEqual(events);
  });

  it("sends no traceparent for a client without the SDK's tracing, unless the headers are given", async () => {
    http.server.reply(events, events);
    await received(traced(ask()));
    await received(traced(defer(() => ask({ request: { headers: traceHeaders(otel) } }))));
    const [without, sent] = http.server.requests.map(({ headers }) => headers['traceparent']);
    expect(without).toBeUndefined();
    expect(sent).toContain(spans.all[1]!.spanContext().spanId);
  });

  it('does nothing with a tracer that records nothing', async () => {
    const source = from(events);
    const context = {
      ...otel.context,
      active: () => otel.ROOT_CONTEXT,
      with: () => expect.unreachable(),
    };
    const noop = {
      ...otel,
      trace: { ...otel.trace, getTracer: () => new otel.ProxyTracerProvider().getTracer('x') },
      context,
    };
    expect(await received(source.pipe(traceMessage(noop as never, { model })))).toEqual(events);
  });

  it('never fails a reply when a span does', async () => {
    const fail = () => {
      throw new Error('telemetry is broken');
    };
    const span = {
      ...otel.trace.wrapSpanContext({
        traceId: 'a'.repeat(32),
        spanId: 'b'.repeat(16),
        traceFlags: 1,
      }),
    };
    const methods = {
      isRecording: () => true,
      setAttributes: fail,
      setStatus: fail,
      addEvent: fail,
      addLink: fail,
      end: fail,
    };
    const broken = {
      ...otel,
      trace: {
        getTracer: () => ({ startSpan: () => ({ ...span, ...methods }) }),
        setSpan: () => otel.ROOT_CONTEXT,
      },
    };
    expect(await received(from(events).pipe(traceMessage(broken as never, { model })))).toEqual(
      events,
    );
    const none = { ...otel, trace: { getTracer: fail } };
    expect(await received(from(events).pipe(traceMessage(none as never, { model })))).toEqual(
      events,
    );
  });

  it('refuses bad arguments when it is called', () => {
    expect(() => traceMessage({} as never, { model })).toThrow(/@opentelemetry\/api/);
    expect(() => traceMessage(otel, {})).toThrow(TypeError);
    expect(() => traceMessage(otel, { model, stallAfter: -1 })).toThrow(/stallAfter/);
    expect(() => traceHeaders({} as never)).toThrow(TypeError);
    expect(() => recordRetry({} as never)).toThrow(TypeError);
  });
});
