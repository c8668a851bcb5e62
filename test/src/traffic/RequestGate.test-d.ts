import type Anthropic from '@anthropic-ai/sdk';
import {
  type BetaStreamEvent,
  fromMessages,
  fromResponse,
  type GatedRequestOptions,
  type RateLimitKind,
  RequestGate,
  type RequestGateState,
  type StreamEvent,
  textOnly,
} from 'claude-rx';
import { Conversation } from 'claude-rx/conversation';
import { runTools } from 'claude-rx/tools';
import type { Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const client: Anthropic;
const params = { model: 'claude-opus-5-5', max_tokens: 10, messages: [] };
const gate = new RequestGate({ concurrency: 8, requestsPerMinute: 50, maxQueue: 100 });

it('gives what the request gives', () => {
  const events = gate.run((options) => fromMessages(client, params, options), { key: 'user' });
  expectTypeOf(events).toEqualTypeOf<Observable<StreamEvent>>();
  expectTypeOf(events.pipe(textOnly())).toEqualTypeOf<Observable<string>>();
  const beta = gate.run((options) => fromMessages(client.beta, params, options));
  expectTypeOf(beta).toEqualTypeOf<Observable<BetaStreamEvent>>();
  expectTypeOf(gate.run(() => Promise.resolve(1))).toEqualTypeOf<Observable<number>>();
});

it('hands over options that sources take, also among others', () => {
  gate.run((options) => {
    expectTypeOf(options).toEqualTypeOf<GatedRequestOptions>();
    return fromMessages(client, params, { ...options, keepContent: false });
  });
  gate.run((options) => fromResponse((signal) => fetch('/', { signal }), options));
});

it('is the request of runTools and of a Conversation', () => {
  runTools((turn) => gate.run((options) => fromMessages(client, turn, options)), params, {
    tools: [],
  });
  const chat = new Conversation(
    (turn) => gate.run((options) => fromMessages(client, turn, options)),
    { model: 'claude-opus-5-5', max_tokens: 10 },
  );
  expectTypeOf(chat.send('Hi')).toExtend<Observable<{ type: string }>>();
});

it('shows its state', () => {
  expectTypeOf(gate.state$).toEqualTypeOf<Observable<RequestGateState>>();
  expectTypeOf(gate.state.limits.inputTokens?.remaining).toEqualTypeOf<number | undefined>();
  expectTypeOf<keyof RequestGateState['limits']>().toEqualTypeOf<RateLimitKind>();
});

it('refuses what is not an option', () => {
  // @ts-expect-error -- it is `concurrency`
  expectTypeOf(new RequestGate({ concurrent: 8 })).toEqualTypeOf<RequestGate>();
  // @ts-expect-error -- a function makes the request
  gate.run(fromMessages(client, params));
});
