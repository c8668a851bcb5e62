import type Anthropic from '@anthropic-ai/sdk';
import { type BetaStreamEvent, fromMessages, type StreamEvent } from 'claude-rx';
import type { Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const client: Anthropic;
const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

it('gives the events of the client it is given', () => {
  expectTypeOf(fromMessages(client, params)).toEqualTypeOf<Observable<StreamEvent>>();
  expectTypeOf(fromMessages(client.beta, params)).toEqualTypeOf<Observable<BetaStreamEvent>>();
});

it('takes the parameters of the client it is given', () => {
  fromMessages(client.beta, { ...params, betas: ['compact-2026-01-12'] });
  // @ts-expect-error: betas are for client.beta
  fromMessages(client, { ...params, betas: ['compact-2026-01-12'] });
  // @ts-expect-error: messages are required
  fromMessages(client, { model: 'claude-opus-5-5', max_tokens: 1 });
  // @ts-expect-error: the reply is always a stream
  fromMessages(client, { ...params, stream: false });
});

it('takes the parameters as a literal', () => {
  fromMessages(client, {
    model: 'claude-opus-5-5',
    max_tokens: 1,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    tools: [{ name: 'clock', input_schema: { type: 'object' } }],
    tool_choice: { type: 'auto' },
  });
});

it('refuses what is no client', () => {
  // @ts-expect-error: a client has messages
  fromMessages({}, params);
});
