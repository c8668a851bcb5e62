import type { StreamEvent } from 'claude-rx';
import { jsonOutput } from 'claude-rx/operators/jsonOutput';
import { jsonPath } from 'claude-rx/operators/jsonPath';
import { toolInput } from 'claude-rx/operators/toolInput';
import { type Observable, of } from 'rxjs';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';

declare const events: Observable<StreamEvent>;

const Recipe = z.object({
  title: z.string(),
  level: z.enum(['easy', 'hard']),
  servings: z.number().default(4),
  minutes: z.string().transform(Number),
  image: z.string().nullable(),
  steps: z.array(z.object({ text: z.string() })),
  size: z.tuple([z.number(), z.string()]),
  tags: z.record(z.string(), z.number()),
  extra: z.unknown(),
});
const recipe = events.pipe(jsonOutput(Recipe));

test('jsonPath gives the type of the branch, partial and whole', () => {
  expectTypeOf(recipe.pipe(jsonPath(['title']))).toEqualTypeOf<Observable<string>>();
  expectTypeOf(recipe.pipe(jsonPath(['level']))).toEqualTypeOf<Observable<string>>();
  expectTypeOf(recipe.pipe(jsonPath(['servings']))).toEqualTypeOf<Observable<number>>();
  // A string while it is written, a number when the schema has made one of it.
  expectTypeOf(recipe.pipe(jsonPath(['minutes']))).toEqualTypeOf<Observable<string | number>>();
  expectTypeOf(recipe.pipe(jsonPath(['image']))).toEqualTypeOf<Observable<string | null>>();
  expectTypeOf(recipe.pipe(jsonPath(['steps']))).toEqualTypeOf<
    Observable<readonly { readonly text?: string }[] | { text: string }[]>
  >();
});

test('jsonPath goes into arrays, tuples and records', () => {
  expectTypeOf(recipe.pipe(jsonPath(['steps', 0, 'text']))).toEqualTypeOf<Observable<string>>();
  const index: number = Date.now();
  expectTypeOf(recipe.pipe(jsonPath(['steps', index, 'text']))).toEqualTypeOf<Observable<string>>();
  expectTypeOf(recipe.pipe(jsonPath(['size', 0]))).toEqualTypeOf<Observable<number>>();
  expectTypeOf(recipe.pipe(jsonPath(['size', 1]))).toEqualTypeOf<Observable<string>>();
  expectTypeOf(recipe.pipe(jsonPath(['size', index]))).toEqualTypeOf<Observable<number | string>>();
  expectTypeOf(recipe.pipe(jsonPath(['tags', 'sweet']))).toEqualTypeOf<Observable<number>>();
});

test('jsonPath finds nothing but JSON', () => {
  expectTypeOf(recipe.pipe(jsonPath(['title', 'length']))).toEqualTypeOf<Observable<unknown>>();
  expectTypeOf(recipe.pipe(jsonPath(['steps', 'length']))).toEqualTypeOf<Observable<unknown>>();
  expectTypeOf(recipe.pipe(jsonPath(['steps', '0']))).toEqualTypeOf<Observable<unknown>>();
  expectTypeOf(recipe.pipe(jsonPath(['other']))).toEqualTypeOf<Observable<unknown>>();
  expectTypeOf(recipe.pipe(jsonPath(['extra', 'a', 0]))).toEqualTypeOf<Observable<unknown>>();
});

test('jsonPath takes the root, and a path that is not known', () => {
  expectTypeOf(of({ value: 'Rome' as string | undefined }).pipe(jsonPath([]))).toEqualTypeOf<
    Observable<string>
  >();
  const path: readonly (string | number)[] = ['title'];
  expectTypeOf(recipe.pipe(jsonPath(path))).toEqualTypeOf<Observable<unknown>>();
});

test('jsonPath takes of a union those members that have the branch', () => {
  const Shape = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('circle'), radius: z.number() }),
    z.object({ kind: z.literal('text'), lines: z.array(z.string()) }),
  ]);
  const shape = events.pipe(jsonOutput(Shape));
  expectTypeOf(shape.pipe(jsonPath(['radius']))).toEqualTypeOf<Observable<number>>();
  expectTypeOf(shape.pipe(jsonPath(['lines', 1]))).toEqualTypeOf<Observable<string>>();
  expectTypeOf(shape.pipe(jsonPath(['kind']))).toEqualTypeOf<Observable<string>>();
});

test('jsonPath goes as deep as a recursive schema', () => {
  const Tree = z.object({
    name: z.string(),
    get children() {
      return z.array(Tree);
    },
  });
  const name = events.pipe(jsonOutput(Tree), jsonPath(['children', 0, 'children', 1, 'name']));
  expectTypeOf(name).toEqualTypeOf<Observable<string>>();
});

test('jsonPath stands behind toolInput too', () => {
  const title = events.pipe(toolInput('cook', Recipe), jsonPath(['title']));
  expectTypeOf(title).toEqualTypeOf<Observable<string>>();
  const any = events.pipe(toolInput('cook'), jsonPath(['title']));
  expectTypeOf(any).toEqualTypeOf<Observable<unknown>>();
});

test('jsonPath refuses what is no path, and what has no value', () => {
  // @ts-expect-error: a path is an array.
  recipe.pipe(jsonPath('title'));
  // @ts-expect-error: an event has no value.
  events.pipe(jsonPath(['title']));
});
