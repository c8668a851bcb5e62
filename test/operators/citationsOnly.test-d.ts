import type {
  BetaTextCitation,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  TextCitation,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyStreamEvent, BetaStreamEvent, StreamEvent } from 'claude-rx';
import { citationsOnly } from 'claude-rx/operators/citationsOnly';
import { type Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;
declare const anyEvents: Observable<AnyStreamEvent>;

test('citationsOnly gives the type that belongs to the events', () => {
  expectTypeOf(raw.pipe(citationsOnly())).toEqualTypeOf<Observable<TextCitation>>();
  expectTypeOf(events.pipe(citationsOnly())).toEqualTypeOf<Observable<TextCitation>>();
  expectTypeOf(betaRaw.pipe(citationsOnly())).toEqualTypeOf<Observable<BetaTextCitation>>();
  expectTypeOf(betaEvents.pipe(citationsOnly())).toEqualTypeOf<Observable<BetaTextCitation>>();
  expectTypeOf(anyEvents.pipe(citationsOnly())).toEqualTypeOf<
    Observable<TextCitation | BetaTextCitation>
  >();
});
