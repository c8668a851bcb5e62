import type Anthropic from '@anthropic-ai/sdk';
import type { BetaMessage } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { Message, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  type BetaStreamEvent,
  continueFrom,
  fromMessages,
  type MessageStreamError,
  type StreamEvent,
} from 'claude-rx';
import { finalMessage } from 'claude-rx/operators/finalMessage';
import {
  type ResumeContext,
  retryResumable,
  type RetryContext,
  type RetryResumableConfig,
} from 'claude-rx/operators/retryResumable';
import { map, type MonoTypeOperatorFunction, NEVER, type Observable, of } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';

declare const client: Anthropic;
declare const params: Anthropic.MessageCreateParamsNonStreaming;
declare const betaParams: Anthropic.Beta.MessageCreateParamsNonStreaming;
declare const ours: Observable<StreamEvent>;
declare const beta: Observable<BetaStreamEvent>;
declare const raw: Observable<RawMessageStreamEvent>;

describe('retryResumable', () => {
  it('keeps the events and gives their message as `partial`', () => {
    const resumed = ours.pipe(
      retryResumable({
        resume: (context) => {
          expectTypeOf(context).toEqualTypeOf<ResumeContext<StreamEvent>>();
          expectTypeOf(context.partial).toEqualTypeOf<Message | undefined>();
          return fromMessages(client, continueFrom(params, context.partial));
        },
        delay: (error, retry) => {
          expectTypeOf(error).toEqualTypeOf<MessageStreamError>();
          return retry;
        },
        onRetry: (context) => expectTypeOf(context).toEqualTypeOf<RetryContext<StreamEvent>>(),
      }),
    );
    expectTypeOf(resumed).toEqualTypeOf<Observable<StreamEvent>>();
  });

  it('takes the beta events', () => {
    const resumed = beta.pipe(
      retryResumable({
        resume: ({ partial }) => {
          expectTypeOf(partial).toEqualTypeOf<BetaMessage | undefined>();
          return fromMessages(client.beta, continueFrom(betaParams, partial));
        },
      }),
    );
    expectTypeOf(resumed).toEqualTypeOf<Observable<BetaStreamEvent>>();
    expectTypeOf(resumed.pipe(finalMessage())).toEqualTypeOf<Observable<BetaMessage>>();
  });

  it("takes the SDK's own events, and adds its own", () => {
    const resumed = raw.pipe(retryResumable({ resume: () => ours }));
    expectTypeOf(resumed).toEqualTypeOf<Observable<StreamEvent>>();
  });

  it('stands in the middle of a pipe', () => {
    const types = fromMessages(client, params).pipe(
      retryResumable({
        resume: ({ partial }) => fromMessages(client, continueFrom(params, partial)),
      }),
      map(({ type }) => type),
    );
    expectTypeOf(types).toEqualTypeOf<Observable<StreamEvent['type']>>();
  });

  it('takes whatever can be an Observable', () => {
    retryResumable<StreamEvent>({ resume: () => [{ type: 'message_stop' }] });
    retryResumable<StreamEvent>({ resume: () => NEVER });
    retryResumable<StreamEvent>({
      async *resume() {
        yield { type: 'message_stop' };
      },
    });
    expectTypeOf(retryResumable<StreamEvent>).returns.toEqualTypeOf<
      MonoTypeOperatorFunction<StreamEvent>
    >();
  });

  it('refuses what is no reply', () => {
    // @ts-expect-error: `resume` is missing
    retryResumable<StreamEvent>({ count: 3 });
    // @ts-expect-error: text is no event
    retryResumable<StreamEvent>({ resume: () => of('text') });
    // @ts-expect-error: an Observable in a promise is not one
    retryResumable<StreamEvent>({ resume: async () => ours });
    // @ts-expect-error: a beta event may be one that the others do not know
    ours.pipe(retryResumable({ resume: () => beta }));
    expectTypeOf<RetryResumableConfig<StreamEvent>['count']>().toEqualTypeOf<number | undefined>();
  });
});
