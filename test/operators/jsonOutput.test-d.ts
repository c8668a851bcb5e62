import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import type {
  AnyStreamEvent,
  BetaStreamEvent,
  DeepPartial,
  InputOf,
  OutputOf,
  StandardSchema,
  SourceMustEmitStreamEvents,
  StreamEvent,
} from 'claude-rx';
import { type JsonSnapshot, jsonOutput } from 'claude-rx/operators/jsonOutput';
import { filter, map, type Observable, of } from 'rxjs';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;
declare const anyEvents: Observable<AnyStreamEvent>;

const Recipe = z.object({
  title: z.string(),
  level: z.enum(['easy', 'hard']),
  servings: z.number().default(4),
  minutes: z.string().transform(Number),
  steps: z.array(z.object({ text: z.string(), note: z.string().nullable() })),
});
interface Written {
  readonly title?: string;
  readonly level?: string;
  readonly servings?: number | undefined;
  readonly minutes?: string;
  readonly steps?: readonly { readonly text?: string; readonly note?: string | null }[];
}
interface Whole {
  title: string;
  level: 'easy' | 'hard';
  servings: number;
  minutes: number;
  steps: { text: string; note: string | null }[];
}
type Snapshot = JsonSnapshot<InputOf<typeof Recipe>, OutputOf<typeof Recipe>>;

test('jsonOutput infers the partial and the final type from a zod schema, through pipe', () => {
  const snapshots = events.pipe(jsonOutput(Recipe));
  expectTypeOf(snapshots).toEqualTypeOf<Observable<Snapshot>>();
  snapshots.subscribe((snapshot) => {
    expectTypeOf(snapshot.status).toEqualTypeOf<'partial' | 'complete'>();
    if (snapshot.status === 'partial') {
      expectTypeOf(snapshot.value).toEqualTypeOf<Written | undefined>();
    } else {
      expectTypeOf(snapshot.value).toEqualTypeOf<Whole>();
    }
  });
});

test('jsonOutput takes events of each kind', () => {
  expectTypeOf(raw.pipe(jsonOutput(Recipe))).toEqualTypeOf<Observable<Snapshot>>();
  expectTypeOf(betaRaw.pipe(jsonOutput(Recipe))).toEqualTypeOf<Observable<Snapshot>>();
  expectTypeOf(betaEvents.pipe(jsonOutput(Recipe))).toEqualTypeOf<Observable<Snapshot>>();
  expectTypeOf(anyEvents.pipe(jsonOutput(Recipe))).toEqualTypeOf<Observable<Snapshot>>();
});

test('jsonOutput keeps the types between other operators', () => {
  const whole = events.pipe(
    filter((event) => event.type !== 'ping'),
    jsonOutput(Recipe),
    filter((snapshot) => snapshot.status === 'complete'),
    map(({ value }) => value),
  );
  expectTypeOf(whole).toEqualTypeOf<Observable<Whole>>();
});

test('one function can show the partial and the whole value', () => {
  const Flat = Recipe.omit({ minutes: true });
  const show = (value: DeepPartial<InputOf<typeof Flat>> | undefined) => value?.title;
  events.pipe(jsonOutput(Flat)).subscribe(({ value }) => show(value));
});

test('jsonOutput takes unions, records, tuples and recursive schemas', () => {
  const Shape = z.union([
    z.object({ radius: z.number() }),
    z.object({ side: z.literal(2) }),
    z.string(),
  ]);
  expectTypeOf(events.pipe(jsonOutput(Shape))).toEqualTypeOf<
    Observable<
      | {
          status: 'partial';
          value: { readonly radius?: number } | { readonly side?: 2 } | string | undefined;
        }
      | { status: 'complete'; value: { radius: number } | { side: 2 } | string }
    >
  >();
  const Scores = z.record(z.string(), z.tuple([z.string(), z.number()]));
  expectTypeOf(events.pipe(jsonOutput(Scores))).toEqualTypeOf<
    Observable<
      | {
          status: 'partial';
          value: { readonly [key: string]: readonly [string?, number?] } | undefined;
        }
      | { status: 'complete'; value: Record<string, [string, number]> }
    >
  >();
  const Tree = z.object({
    name: z.string(),
    get children() {
      return z.array(Tree);
    },
  });
  events.pipe(jsonOutput(Tree)).subscribe((tree) => {
    if (tree.status === 'complete') {
      expectTypeOf(tree.value.children[0]!.children[0]!.name).toEqualTypeOf<string>();
    } else {
      expectTypeOf(tree.value?.children?.[0]?.children?.[0]?.name).toEqualTypeOf<
        string | undefined
      >();
    }
  });
});

test('jsonOutput takes a schema of any library, and one that says nothing', () => {
  const Own = {} as StandardSchema<{ since: string }, { since: Date }>;
  events.pipe(jsonOutput(Own)).subscribe((snapshot) => {
    if (snapshot.status === 'complete')
      expectTypeOf(snapshot.value).toEqualTypeOf<{ since: Date }>();
    else expectTypeOf(snapshot.value).toEqualTypeOf<{ readonly since?: string } | undefined>();
  });
  events.pipe(jsonOutput(z.unknown())).subscribe(({ value }) => {
    expectTypeOf(value).toEqualTypeOf<unknown>();
  });
});

test('jsonOutput refuses what is no schema, and what is no event', () => {
  // @ts-expect-error: a JSON Schema is no Standard Schema.
  jsonOutput({ type: 'object' });
  // @ts-expect-error: a string is no event.
  of('{}').pipe(jsonOutput(Recipe));
});

test('jsonOutput names the mistake where the source is typed too loosely', () => {
  const loose = of({ type: 'ping' as string });
  type Source = Parameters<ReturnType<typeof jsonOutput<typeof Recipe, { type: string }>>>[0];
  expectTypeOf<Source>().toExtend<Observable<SourceMustEmitStreamEvents>>();
  // @ts-expect-error: any object with a type.
  loose.pipe(jsonOutput(Recipe));
  // @ts-expect-error: what JSON.parse gives in strict code.
  of({} as unknown).pipe(jsonOutput(Recipe));
  expectTypeOf(of({} as any).pipe(jsonOutput(Recipe))).toEqualTypeOf<Observable<Snapshot>>();
});
