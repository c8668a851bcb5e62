import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type {
  AnyStreamEvent,
  BetaStreamEvent,
  SourceMustEmitStreamEvents,
  StreamEvent,
} from 'claude-rx';
import { jsonElements } from 'claude-rx/operators/jsonElements';
import { type Observable, of } from 'rxjs';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;
declare const anyEvents: Observable<AnyStreamEvent>;

const City = z.object({ name: z.string(), since: z.string().transform((text) => new Date(text)) });
interface Whole {
  name: string;
  since: Date;
}

test('jsonElements gives the output of the schema, for events of each kind', () => {
  expectTypeOf(events.pipe(jsonElements(City))).toEqualTypeOf<Observable<Whole>>();
  expectTypeOf(raw.pipe(jsonElements(City, ['cities']))).toEqualTypeOf<Observable<Whole>>();
  expectTypeOf(betaRaw.pipe(jsonElements(City, ['in', 0]))).toEqualTypeOf<Observable<Whole>>();
  expectTypeOf(betaEvents.pipe(jsonElements(City, {}))).toEqualTypeOf<Observable<Whole>>();
  expectTypeOf(
    anyEvents.pipe(jsonElements(City, { path: ['cities'], onRestart: () => {} })),
  ).toEqualTypeOf<Observable<Whole>>();
});

test('jsonElements takes a path that was written down as a constant', () => {
  const path = ['cities', 0] as const;
  expectTypeOf(events.pipe(jsonElements(City, path))).toEqualTypeOf<Observable<Whole>>();
});

test('jsonElements refuses what is no schema, no path, and no event', () => {
  // @ts-expect-error: a JSON Schema is no Standard Schema.
  jsonElements({ type: 'object' });
  // @ts-expect-error: a path is an array.
  jsonElements(City, 'cities');
  // @ts-expect-error: there is no such option.
  jsonElements(City, { at: ['cities'] });
  // @ts-expect-error: a string is no event.
  of('[]').pipe(jsonElements(City));
});

test('jsonElements names the mistake where the source is typed too loosely', () => {
  const schema = z.object({ title: z.string() });
  type Source = Parameters<ReturnType<typeof jsonElements<typeof schema, { type: string }>>>[0];
  expectTypeOf<Source>().toExtend<Observable<SourceMustEmitStreamEvents>>();
  // @ts-expect-error: any object with a type.
  of({ type: 'ping' as string }).pipe(jsonElements(schema));
  // @ts-expect-error: what JSON.parse gives in strict code.
  of({} as unknown).pipe(jsonElements(schema, ['steps']));
  expectTypeOf(of({} as any).pipe(jsonElements(schema))).toEqualTypeOf<
    Observable<{ title: string }>
  >();
});
