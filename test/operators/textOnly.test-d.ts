import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type {
  BetaStreamEvent,
  EventsOnly,
  SourceMustEmitStreamEvents,
  StreamEvent,
} from 'claude-rx';
import { textOnly } from 'claude-rx/operators/textOnly';
import { map, type Observable, of, type OperatorFunction, pipe } from 'rxjs';
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

test('textOnly refuses what is not an event', () => {
  // @ts-expect-error: a string is not an event.
  of('Hello').pipe(textOnly());
});

test('textOnly names the mistake where the source is typed too loosely', () => {
  type Taken<T> = EventsOnly<T> extends SourceMustEmitStreamEvents ? 'refused' : 'taken';
  expectTypeOf<Taken<{ type: string }>>().toEqualTypeOf<'refused'>();
  expectTypeOf<Taken<Record<string, unknown>>>().toEqualTypeOf<'refused'>();
  expectTypeOf<Taken<unknown>>().toEqualTypeOf<'refused'>();
  expectTypeOf<Taken<StreamEvent>>().toEqualTypeOf<'taken'>();
  // @ts-expect-error: any object with a type.
  of({ type: 'ping' as string }).pipe(textOnly());
  // @ts-expect-error: what JSON.parse gives in strict code.
  of({} as unknown).pipe(textOnly());
  expectTypeOf(of({} as any).pipe(textOnly())).toEqualTypeOf<Observable<string>>();
});

test('textOnly keeps its type in variables, and in functions over all events', () => {
  const operator: OperatorFunction<RawMessageStreamEvent, string> = textOnly();
  const stored = textOnly();
  expectTypeOf(raw.pipe(operator)).toEqualTypeOf<Observable<string>>();
  expectTypeOf(raw.pipe(stored)).toEqualTypeOf<Observable<string>>();
  expectTypeOf(textOnly()(raw)).toEqualTypeOf<Observable<string>>();
});
