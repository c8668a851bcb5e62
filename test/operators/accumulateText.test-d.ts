import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type { BetaStreamEvent, StreamEvent } from 'claude-rx';
import { accumulateText } from 'claude-rx/operators/accumulateText';
import { map, type Observable, pipe } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;

test('accumulateText takes the events of the SDK and of this package, and gives strings', () => {
  expectTypeOf(raw.pipe(accumulateText())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(events.pipe(accumulateText())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(betaRaw.pipe(accumulateText())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(betaEvents.pipe(accumulateText())).toEqualTypeOf<Observable<string>>();
});

test('accumulateText composes with other operators, in a pipe and on its own', () => {
  const lengths = pipe(
    accumulateText(),
    map((text) => text.length),
  );
  expectTypeOf(events.pipe(lengths)).toEqualTypeOf<Observable<number>>();
  expectTypeOf(raw.pipe(lengths)).toEqualTypeOf<Observable<number>>();
});
