import type {
  BetaMessage,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { Message, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyStreamEvent, BetaStreamEvent, StreamEvent } from 'claude-rx';
import { finalMessage } from 'claude-rx/operators/finalMessage';
import { type Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;
declare const anyEvents: Observable<AnyStreamEvent>;

test('finalMessage gives the type that belongs to the events', () => {
  expectTypeOf(raw.pipe(finalMessage())).toEqualTypeOf<Observable<Message>>();
  expectTypeOf(events.pipe(finalMessage())).toEqualTypeOf<Observable<Message>>();
  expectTypeOf(betaRaw.pipe(finalMessage())).toEqualTypeOf<Observable<BetaMessage>>();
  expectTypeOf(betaEvents.pipe(finalMessage())).toEqualTypeOf<Observable<BetaMessage>>();
  expectTypeOf(anyEvents.pipe(finalMessage())).toEqualTypeOf<Observable<Message | BetaMessage>>();
});
