import type {
  BetaUsage,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { Usage, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyStreamEvent, BetaStreamEvent, StreamEvent } from 'claude-rx';
import { accumulateUsage } from 'claude-rx/operators/accumulateUsage';
import { type Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;
declare const anyEvents: Observable<AnyStreamEvent>;

test('accumulateUsage gives the type that belongs to the events', () => {
  expectTypeOf(raw.pipe(accumulateUsage())).toEqualTypeOf<Observable<Usage>>();
  expectTypeOf(events.pipe(accumulateUsage())).toEqualTypeOf<Observable<Usage>>();
  expectTypeOf(betaRaw.pipe(accumulateUsage())).toEqualTypeOf<Observable<BetaUsage>>();
  expectTypeOf(betaEvents.pipe(accumulateUsage())).toEqualTypeOf<Observable<BetaUsage>>();
  expectTypeOf(anyEvents.pipe(accumulateUsage())).toEqualTypeOf<Observable<Usage | BetaUsage>>();
});
