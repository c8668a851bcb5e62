import type Anthropic from '@anthropic-ai/sdk';
import type { BetaMessage } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  type BetaStreamEvent,
  continueFrom,
  fromMessages,
  type MessageStreamError,
  type StreamEvent,
} from 'claude-rx';
import { fallbackTo, type FallbackToConfig } from 'claude-rx/operators/fallbackTo';
import { retryResumable } from 'claude-rx/operators/retryResumable';
import { map, type Observable, of } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';

declare const client: Anthropic;
declare const params: Anthropic.MessageCreateParamsNonStreaming;
declare const betaParams: Anthropic.Beta.MessageCreateParamsNonStreaming;
declare const ours: Observable<StreamEvent>;
declare const beta: Observable<BetaStreamEvent>;

describe('fallbackTo', () => {
  it('keeps the events and gives their message as `partial`', () => {
    const reply = ours.pipe(
      fallbackTo({
        resume: ({ partial, error, attempt }) => {
          expectTypeOf(partial).toEqualTypeOf<Message | undefined>();
          expectTypeOf(error).toEqualTypeOf<MessageStreamError>();
          expectTypeOf(attempt).toEqualTypeOf<number>();
          return fromMessages(client, continueFrom({ ...params, model: 'other' }, partial));
        },
      }),
    );
    expectTypeOf(reply).toEqualTypeOf<Observable<StreamEvent>>();
  });

  it('takes the beta events', () => {
    const reply = beta.pipe(
      fallbackTo({
        resume: ({ partial }) => {
          expectTypeOf(partial).toEqualTypeOf<BetaMessage | undefined>();
          return fromMessages(client.beta, continueFrom(betaParams, partial));
        },
      }),
    );
    expectTypeOf(reply).toEqualTypeOf<Observable<BetaStreamEvent>>();
  });

  it('stands behind retryResumable', () => {
    const types = fromMessages(client, params).pipe(
      retryResumable({
        resume: ({ partial }) => fromMessages(client, continueFrom(params, partial)),
      }),
      fallbackTo({ resume: () => ours, onRefusal: true, when: ({ retryable }) => retryable }),
      map(({ type }) => type),
    );
    expectTypeOf(types).toEqualTypeOf<Observable<StreamEvent['type']>>();
  });

  it('refuses what is no reply', () => {
    // @ts-expect-error: text is no event
    fallbackTo<StreamEvent>({ resume: () => of('text') });
    // @ts-expect-error: a function that asks is wanted
    fallbackTo<StreamEvent>(ours);
    expectTypeOf<FallbackToConfig<StreamEvent>['onRefusal']>().toEqualTypeOf<boolean | undefined>();
  });
});
