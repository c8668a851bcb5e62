import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type { BetaStreamEvent, StreamEvent } from 'claude-rx';
import { thinkingOnly } from 'claude-rx/operators/thinkingOnly';
import { map, type Observable, pipe } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;

test('thinkingOnly takes the events of the SDK and of this package, and gives strings', () => {
  expectTypeOf(raw.pipe(thinkingOnly())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(events.pipe(thinkingOnly())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(betaRaw.pipe(thinkingOnly())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(betaEvents.pipe(thinkingOnly())).toEqualTypeOf<Observable<string>>();
});

test('thinkingOnly composes with other operators, in a pipe and on its own', () => {
  const lengths = pipe(
    thinkingOnly(),
    map((text) => text.length),
  );
  expectTypeOf(events.pipe(lengths)).toEqualTypeOf<Observable<number>>();
  expectTypeOf(raw.pipe(lengths)).toEqualTypeOf<Observable<number>>();
});
