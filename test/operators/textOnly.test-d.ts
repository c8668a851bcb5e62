import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type { BetaStreamEvent, StreamEvent } from 'claude-rx';
import { textOnly } from 'claude-rx/operators/textOnly';
import { map, type Observable, of, pipe } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;

test('textOnly takes the events of the SDK and of this package, and gives strings', () => {
  expectTypeOf(raw.pipe(textOnly())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(events.pipe(textOnly())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(betaRaw.pipe(textOnly())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(betaEvents.pipe(textOnly())).toEqualTypeOf<Observable<string>>();
});

test('textOnly composes with other operators, in a pipe and on its own', () => {
  const lengths = pipe(
    textOnly(),
    map((text) => text.length),
  );
  expectTypeOf(events.pipe(lengths)).toEqualTypeOf<Observable<number>>();
  expectTypeOf(raw.pipe(lengths)).toEqualTypeOf<Observable<number>>();
});

test('textOnly refuses what is no event', () => {
  // @ts-expect-error: a string is no event.
  of('Hello').pipe(textOnly());
});
