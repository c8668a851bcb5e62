import * as otel from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { fromMessages } from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { traceTools } from 'claude-rx/telemetry';
import { defineTool, runTools, type TurnEndEvent } from 'claude-rx/tools';
import { lastValueFrom, NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { params, received, until, useServer } from '../../support/server.ts';
import { statusOf, useTelemetry } from '../../support/telemetry.ts';
import { drawTrace } from '../../diagrams/drawTrace.ts';
import { root } from '../../support/examples.ts';

const calls = messageEvents
  .text('Let me see.')
  .toolUse('weather', { city: 'Lyon' })
  .toolUse('news', {})
  .with({ stopReason: 'tool_use' });
const call = messageEvents.toolUse('weather', { city: 'Lyon' }).with({ stopReason: 'tool_use' });
const answer = messageEvents.text('Sunny.');
const input = z.object({ city: z.string() });
const nothing = z.object({});

describe('traceTools', () => {
  const http = useServer();
  const spans = useTelemetry();
  const tracing = (more = {}) => traceTools(otel, { name: 'assistant', ...more });
  const active = () => otel.trace.getActiveSpan() as unknown as ReadableSpan | undefined;
  /** The names of the spans, each below its parent. */
  const tree = (all = spans.all, parent?: string): object =>
    Object.fromEntries(
      all
        .filter((span) => span.parentSpanContext?.spanId === parent)
        .map((span) => [`${span.name} ${statusOf(span)}`, tree(all, span.spanContext().spanId)]),
    );

  it('records the loop, its replies and its tools, each where it belongs', async () => {
    http.server.reply(calls, answer);
    const weather = defineTool({
      name: 'weather',
      description: 'The weather',
      input,
      run: async () => {
        otel.trace.getTracer('app').startSpan('query').end();
        await Promise.resolve();
        return active()?.name;
      },
    });
    const news = defineTool({
      name: 'news',
      description: 'The news',
      input: nothing,
      run: () => Promise.reject(new RangeError('no news')),
    });
    const tools = [weather, news];
    const events = await received(runTools(http.client, params, { tools, ...tracing() }));
    expect(events.flatMap((event) => (event.type === 'tool_result' ? event.value : []))).toContain(
      'execute_tool weather',
    );
    await spans.ended(8);
    const chat = { 'anthropic.messages.create OK': {} };
    expect(tree()).toEqual({
      'invoke_agent assistant OK': {
        [`chat ${params.model} OK`]: chat,
        'execute_tool weather OK': { 'query UNSET': {} },
        'execute_tool news ERROR': {},
      },
    });
    const chats = spans.all.filter(({ name }) => name.startsWith('chat'));
    expect(chats).toHaveLength(2);
    const loop = spans.named('invoke_agent assistant');
    expect(chats.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      Array(2).fill(loop.spanContext().spanId),
    );
    expect(loop.attributes).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'assistant',
      'claude_rx.turns': 2,
      'claude_rx.loop.outcome': 'end_turn',
      'claude_rx.usage.output_tokens': expect.any(Number),
    });
    expect(spans.named('execute_tool news').attributes).toEqual({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'news',
      'gen_ai.tool.type': 'function',
      'gen_ai.tool.call.id': expect.any(String),
      'claude_rx.tool.status': 'failed',
      'claude_rx.outcome': 'error',
      'error.type': 'RangeError',
    });
    const own = spans.started.filter(({ name }) => name !== 'query');
    await expect(drawTrace('A loop with two tools', own)).toMatchFileSnapshot(
      `${root}docs/marbles/traceTools.svg`,
    );
  });

  it('records calls that did not run, timed out, or were unsubscribed', async () => {
    const slow = (options: object) =>
      defineTool({ name: 'weather', description: 'Slow', input, run: () => NEVER, ...options });
    http.server.reply(calls, answer, call);
    const limited = { tools: [slow({ timeout: 20 })], ...tracing() };
    await received(runTools(http.client, params, limited));
    const loop = spans.named('invoke_agent assistant');
    expect(spans.named('execute_tool weather').attributes).toMatchObject({
      'error.type': 'timeout',
      'claude_rx.tool.status': 'timeout',
    });
    expect(
      loop.events.map(({ name, attributes }) => [name, attributes?.['claude_rx.tool.status']]),
    ).toEqual([['tool_result', 'unknown_tool']]);
    await spans.ended(6);
    spans.reset();
    let hasStarted = false;
    const left = runTools(http.client, params, { tools: [slow({})], ...tracing() }).subscribe(
      ({ type }) => (hasStarted ||= type === 'tool_start'),
    );
    await until(() => hasStarted);
    left.unsubscribe();
    expect(statusOf(spans.named('execute_tool weather'))).toBe('UNSET');
    expect(statusOf(spans.named('invoke_agent assistant'))).toBe('UNSET');
  });

  it('records a loop that waits for answers, or was stopped, as complete', async () => {
    const run = () => 'sun';
    const tool = defineTool({ name: 'weather', description: 'It', input, run });
    http.server.reply(call, answer, call);
    const loop = { tools: [tool], ...tracing() };
    const deferred = runTools(http.client, params, { ...loop, approve: () => 'defer' });
    const end = (await lastValueFrom(deferred)) as TurnEndEvent;
    await spans.ended(3);
    const interrupted = spans.named('invoke_agent assistant');
    expect(statusOf(interrupted)).toBe('OK');
    expect(interrupted.attributes).toMatchObject({
      'claude_rx.outcome': 'complete',
      'claude_rx.loop.outcome': 'interrupted',
    });
    expect(interrupted.events).toMatchObject([
      { name: 'tool_pending', attributes: { 'gen_ai.tool.name': 'weather' } },
    ]);
    expect(spans.all.filter(({ name }) => name.startsWith('execute_tool'))).toEqual([]);
    spans.reset();
    const messages = [...params.messages, ...end.appended];
    const answers = end.pending!.map(({ id }) => ({ id, approved: true as const }));
    await received(runTools(http.client, { ...params, messages }, { ...loop, answers }));
    await spans.ended(4);
    expect(tree()).toMatchObject({
      'invoke_agent assistant OK': { 'execute_tool weather OK': {} },
    });
    spans.reset();
    await received(runTools(http.client, params, { ...loop, stopWhen: () => true }));
    await spans.ended(4);
    expect(spans.named('invoke_agent assistant').attributes).toMatchObject({
      'claude_rx.outcome': 'complete',
      'claude_rx.loop.outcome': 'stopped',
    });
  });

  it('records a subagent that waits for answers as complete, also where it waits again', async () => {
    const pay = defineTool({ name: 'weather', description: 'It', input, run: () => 'sun' });
    const agent = defineTool({
      name: 'agent',
      description: 'A subagent',
      input: nothing,
      run: () => runTools(http.client, params, { tools: [pay], approve: () => 'defer' }),
      resume: (_, { appended, answers }) =>
        runTools(
          http.client,
          { ...params, messages: [...params.messages, ...appended] },
          { tools: [pay], approve: () => 'defer', answers },
        ),
    });
    http.server.reply(messageEvents.toolUse('agent', {}), call);
    const loop = { tools: [agent], ...tracing() };
    const end = (await lastValueFrom(runTools(http.client, params, loop))) as TurnEndEvent;
    await spans.ended(4);
    expect(tree()).toMatchObject({ 'invoke_agent assistant OK': { 'execute_tool agent OK': {} } });
    spans.reset();
    http.server.reply(call);
    const messages = [...params.messages, ...end.appended];
    const [{ subagent, ...waiting } = {} as never] = end.pending!;
    const given = subagent!.pending.map(({ id }) => ({ id, approved: true as const }));
    const answers = [{ ...waiting, subagent, answers: given }];
    const again = await lastValueFrom(
      runTools(http.client, { ...params, messages }, { ...loop, answers }),
    );
    expect(again).toMatchObject({ type: 'tool_answers', pending: [{ awaits: 'subagent' }] });
    await spans.ended(3);
    expect(tree()).toMatchObject({ 'invoke_agent assistant OK': { 'execute_tool agent OK': {} } });
    const outer = spans.named('invoke_agent assistant');
    expect(outer.attributes).toMatchObject({ 'claude_rx.loop.outcome': 'interrupted' });
    expect(outer.events).toMatchObject([{ name: 'tool_pending' }]);
  });

  it('records a loop that fails, with the turn that failed', async () => {
    http.server.reply(call, { events: answer, fault: { kind: 'error', beforeEvent: 2 } });
    const tool = defineTool({ name: 'weather', description: 'It', input, run: () => 'sun' });
    const loop$ = runTools(http.client, params, { tools: [tool], ...tracing() });
    await lastValueFrom(loop$).catch(() => {});
    await spans.ended(6);
    expect(spans.named('invoke_agent assistant').attributes).toMatchObject({
      'error.type': 'overloaded_error',
      'claude_rx.turns': 1,
    });
    expect(spans.all.map(statusOf).toSorted()).toEqual([
      'ERROR',
      'ERROR',
      'ERROR',
      'OK',
      'OK',
      'OK',
    ]);
  });

  it('does not mix two loops, also if one runs in a tool of the other', async () => {
    http.server.handle(({ body }) => (body.messages.length === 1 ? call : answer));
    const leaf = defineTool({ name: 'weather', description: 'It', input, run: () => 'sun' });
    const inner = (name: string) =>
      runTools(http.client, params, { tools: [leaf], ...tracing({ name }) });
    const outer = defineTool({
      name: 'weather',
      description: 'It',
      input,
      run: () => inner('inner'),
    });
    await Promise.all([
      received(runTools(http.client, params, { tools: [outer], ...tracing({ name: 'outer' }) })),
      received(inner('other')),
    ]);
    await spans.ended(18);
    const loop = { [`chat ${params.model} OK`]: { 'anthropic.messages.create OK': {} } };
    const other = { ...loop, 'execute_tool weather OK': {} };
    expect(tree()).toEqual({
      'invoke_agent outer OK': {
        ...loop,
        'execute_tool weather OK': { 'invoke_agent inner OK': other },
      },
      'invoke_agent other OK': other,
    });
  });

  it('records a conversation, with its id, and content only on request', async () => {
    http.server.reply(call, answer, call, answer);
    const tool = defineTool({ name: 'weather', description: 'It', input, run: () => 'sun' });
    const talk = async (more: object) => {
      const conversation = new Conversation(
        http.client,
        { model: params.model, max_tokens: 100 },
        { tools: [tool], ...tracing(more) },
      );
      await lastValueFrom(conversation.send('Hi there'));
      await spans.ended(6);
      return JSON.stringify(spans.ours.map(({ attributes, events }) => [attributes, events]));
    };
    const attributes = { 'gen_ai.conversation.id': 'chat-1' };
    expect(await talk({ attributes })).not.toMatch(/Lyon|sun|Sunny|Hi there/i);
    for (const name of ['invoke_agent assistant', `chat ${params.model}`]) {
      expect(spans.named(name).attributes).toMatchObject(attributes);
    }
    spans.reset();
    const recorded = await talk({ content: true });
    for (const content of [/Lyon/, /sun/, /Sunny/]) expect(recorded).toMatch(content);
  });

  it('does nothing without a tracer, and refuses bad arguments', async () => {
    http.server.reply(call, answer);
    const tool = defineTool({ name: 'weather', description: 'It', input, run: () => 'sun' });
    const noop = {
      ...otel,
      trace: { ...otel.trace, getTracer: () => new otel.ProxyTracerProvider().getTracer('x') },
    };
    const options = { tools: [tool], ...traceTools(noop as never, { name: 'a' }) };
    const loop$ = runTools((given) => fromMessages(http.client, given), params, options);
    await expect(lastValueFrom(loop$)).resolves.toMatchObject({ type: 'turn_end' });
    expect(() => traceTools({} as never, { name: 'a' })).toThrow(TypeError);
    expect(() => traceTools(otel, { name: '' })).toThrow(/name/);
    expect(() => runTools(http.client, params, { tools: [], tracing: 1 as never })).toThrow(
      /tracing/,
    );
  });
});
