import type Anthropic from '@anthropic-ai/sdk';
import type {
  BetaMessage,
  MessageCreateParamsNonStreaming as BetaParams,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  Message,
  MessageCreateParamsBase,
  MessageCreateParamsNonStreaming,
  MessageCreateParamsStreaming,
} from '@anthropic-ai/sdk/resources/messages/messages';
import {
  type BetaStreamEvent,
  type ContinuationStrategy,
  continueFrom,
  fallbackTo,
  fromMessages,
  MessageStreamError,
  retryResumable,
  type StreamEvent,
} from 'claude-rx';
import type { Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const client: Anthropic;
declare const params: MessageCreateParamsNonStreaming;
declare const betaParams: BetaParams;
declare const partial: Message | undefined;
declare const betaPartial: BetaMessage | undefined;

test('continueFrom gives the type of the parameters, GA and beta', () => {
  expectTypeOf(continueFrom(params, partial)).toEqualTypeOf<MessageCreateParamsNonStreaming>();
  expectTypeOf(continueFrom(betaParams, betaPartial)).toEqualTypeOf<BetaParams>();
  // What an error holds is of the GA type.
  const error = new MessageStreamError('', { code: 'truncated' });
  expectTypeOf(continueFrom(betaParams, error.partial)).toEqualTypeOf<BetaParams>();

  const base = {} as MessageCreateParamsBase;
  expectTypeOf(continueFrom(base, partial)).toEqualTypeOf<MessageCreateParamsBase>();
  const streaming = {} as MessageCreateParamsStreaming;
  expectTypeOf(continueFrom(streaming, partial)).toEqualTypeOf<MessageCreateParamsStreaming>();
  const withoutStream = {} as Omit<MessageCreateParamsBase, 'stream'>;
  expectTypeOf(continueFrom(withoutStream, partial)).toEqualTypeOf<
    Omit<MessageCreateParamsBase, 'stream'>
  >();
});

test('what continueFrom gives is what fromMessages takes', () => {
  expectTypeOf(fromMessages(client, continueFrom(params, partial))).toEqualTypeOf<
    Observable<StreamEvent>
  >();
  expectTypeOf(fromMessages(client.beta, continueFrom(betaParams, betaPartial))).toEqualTypeOf<
    Observable<BetaStreamEvent>
  >();
  fromMessages(client, params).pipe(
    retryResumable({ resume: (it) => fromMessages(client, continueFrom(params, it.partial)) }),
    fallbackTo({ resume: (it) => fromMessages(client, continueFrom(params, it.partial)) }),
  );
  fromMessages(client.beta, betaParams).pipe(
    retryResumable({
      resume: (it) => fromMessages(client.beta, continueFrom(betaParams, it.partial)),
    }),
    fallbackTo({
      resume: (it) => fromMessages(client.beta, continueFrom(betaParams, it.partial)),
    }),
  );
});

test('a request can be written down where it is continued', () => {
  const request = continueFrom(
    {
      model: 'claude-opus-5-5',
      max_tokens: 1024,
      thinking: { type: 'enabled', budget_tokens: 2048 },
      tool_choice: { type: 'auto' },
      messages: [{ role: 'user', content: 'Hello' }],
    },
    partial,
  );
  expectTypeOf(request.messages).toEqualTypeOf<{ role: 'user'; content: string }[]>();
  expectTypeOf(request.thinking.type).toEqualTypeOf<'enabled'>();
  fromMessages(client, request);
  fromMessages(
    client,
    continueFrom(
      {
        model: 'claude-opus-5-5',
        max_tokens: 1024,
        tools: [{ name: 'get_weather', input_schema: { type: 'object' } }],
        messages: [
          { role: 'user', content: 'Hello' },
          { role: 'assistant', content: [{ type: 'text', text: 'Hi' }] },
        ],
      },
      partial,
    ),
  );
  const constant = {
    model: 'claude-opus-5-5',
    max_tokens: 1024,
    messages: [{ role: 'user' as const, content: 'Hello' }],
  };
  expectTypeOf(continueFrom(constant, partial)).toEqualTypeOf<typeof constant>();
});

test('a strategy is a name or a function of the parameters and the reply', () => {
  expectTypeOf<ContinuationStrategy>().toEqualTypeOf<'prefill' | 'instruct' | 'restart'>();
  continueFrom(params, partial, { strategy: undefined });
  continueFrom(params, partial, {
    strategy: (given, reply) => {
      expectTypeOf(given).toEqualTypeOf<MessageCreateParamsNonStreaming>();
      expectTypeOf(reply).toEqualTypeOf<Message>();
      return continueFrom(given, reply, { strategy: 'instruct' });
    },
  });
  continueFrom(betaParams, betaPartial, {
    strategy: (given, reply) => {
      expectTypeOf(reply).toEqualTypeOf<BetaMessage>();
      return given;
    },
  });
  // @ts-expect-error: there is no such strategy.
  continueFrom(params, partial, { strategy: 'resume' });
  // @ts-expect-error: it has to give parameters.
  continueFrom(params, partial, { strategy: () => ({ model: 'x' }) });
});

test('continueFrom refuses what is no request, and what is no message', () => {
  // @ts-expect-error: the messages are missing.
  continueFrom({ model: 'x', max_tokens: 1 }, partial);
  // @ts-expect-error: text is no message.
  continueFrom(params, 'Once upon a time');
});
