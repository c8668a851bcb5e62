import Anthropic from '@anthropic-ai/sdk';
import * as otel from '@opentelemetry/api';
import { type BetaStreamEvent, fromMessages, retryResumable, type StreamEvent } from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import type { AgentMessage } from 'claude-rx/agent';
import {
  recordRetry,
  traceAgent,
  traceHeaders,
  traceMessage,
  traceTools,
} from 'claude-rx/telemetry';
import { runTools } from 'claude-rx/tools';
import type { Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

const client = new Anthropic({ apiKey: 'x' });
const params = { model: 'claude-opus-5-5', max_tokens: 1, messages: [] };
const { model } = params;

test('traceMessage keeps the type of the events', () => {
  const reply = fromMessages(client, params).pipe(traceMessage(otel, { model }));
  expectTypeOf(reply.subscribe).parameter(0).toExtend<unknown>();
  expectTypeOf(reply).toEqualTypeOf(fromMessages(client, params));
  const beta = fromMessages(client.beta, params).pipe(
    traceMessage(otel, { model, content: params }),
  );
  expectTypeOf(beta).toEqualTypeOf(fromMessages(client.beta, params));
  expectTypeOf<StreamEvent>().not.toEqualTypeOf<BetaStreamEvent>();
});

test('traceAgent gives the messages as they are', () => {
  const messages = {} as Observable<AgentMessage>;
  const traced = messages.pipe(traceAgent(otel, { name: 'reviewer' }));
  expectTypeOf(traced).toEqualTypeOf<Observable<AgentMessage>>();
  // @ts-expect-error the name is that of the span
  void (() => traceAgent(otel, {}));
});

test('traceTools gives options for runTools and a Conversation', () => {
  const options = { tools: [], ...traceTools(otel, { name: 'a' }) };
  expectTypeOf(runTools(client, params, options)).toEqualTypeOf(
    runTools(client, params, { tools: [] }),
  );
  const conversation = new Conversation(client, { model, max_tokens: 1 }, options);
  expectTypeOf(conversation.send).toBeFunction();
  // @ts-expect-error -- the agent needs a name
  traceTools(otel, {});
});

test('the API of OpenTelemetry is needed', () => {
  // @ts-expect-error -- a tracer is not the API
  traceMessage(otel.trace, { model });
  // @ts-expect-error -- no such option
  traceMessage(otel, { model, contents: true });
  expectTypeOf(traceHeaders(otel)).toEqualTypeOf<Record<string, string>>();
  retryResumable<StreamEvent>({ resume: () => [], onRetry: recordRetry(otel) });
});
