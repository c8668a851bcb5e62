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
import { filter, type Observable, of } from 'rxjs';
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

test('citationsOnly keeps the type after operators that keep the events', () => {
  const later = events.pipe(
    filter((event) => event.type !== 'ping'),
    citationsOnly(),
  );
  expectTypeOf(later).toEqualTypeOf<Observable<TextCitation>>();
});

test('citationsOnly refuses what is no event', () => {
  // @ts-expect-error: a string is no event.
  of('Hello').pipe(citationsOnly());
});
