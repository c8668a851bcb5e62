import type Anthropic from '@anthropic-ai/sdk';
import { type BetaStreamEvent, fromMessages, fromResponse, type StreamEvent } from 'claude-rx';
import { shareMessage, type ShareMessageConfig } from 'claude-rx/operators/shareMessage';
import { type Observable, of, timer } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const client: Anthropic;

it('keeps the kind of events', () => {
  const reply = fromResponse(() => fetch('/')).pipe(shareMessage());
  expectTypeOf(reply).toEqualTypeOf<Observable<StreamEvent>>();
  const params = { model: 'claude-opus-5-5', max_tokens: 1, messages: [] };
  const beta = fromMessages(client.beta, params).pipe(shareMessage());
  expectTypeOf(beta).toEqualTypeOf<Observable<BetaStreamEvent>>();
});

it('takes what says when to let go', () => {
  expectTypeOf(shareMessage).parameter(0).toEqualTypeOf<ShareMessageConfig | undefined>();
  shareMessage({ resetOnRefCountZero: false });
  shareMessage({ resetOnRefCountZero: () => timer(10_000) });
  // @ts-expect-error: a number is no notifier
  shareMessage({ resetOnRefCountZero: 10_000 });
  // @ts-expect-error: text has no message
  of('text').pipe(shareMessage());
});
