import type { DeepPartial, InputOf, JsonValue, OutputOf } from 'claude-rx';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';

test('an object may lack any property, at any depth', () => {
  expectTypeOf<DeepPartial<{ a: string; b: { c: number; d: boolean } }>>().toEqualTypeOf<{
    readonly a?: string;
    readonly b?: { readonly c?: number; readonly d?: boolean };
  }>();
});

test('a string may be incomplete, whatever its type', () => {
  expectTypeOf<DeepPartial<string>>().toEqualTypeOf<string>();
  expectTypeOf<DeepPartial<'easy' | 'hard'>>().toEqualTypeOf<string>();
  expectTypeOf<DeepPartial<`${number} px`>>().toEqualTypeOf<string>();
  expectTypeOf<DeepPartial<'easy' | 3 | null>>().toEqualTypeOf<string | 3 | null>();
});

test('numbers, booleans and null keep their types', () => {
  expectTypeOf<DeepPartial<1 | 2>>().toEqualTypeOf<1 | 2>();
  expectTypeOf<DeepPartial<boolean>>().toEqualTypeOf<boolean>();
  expectTypeOf<DeepPartial<true>>().toEqualTypeOf<true>();
  expectTypeOf<DeepPartial<number | null>>().toEqualTypeOf<number | null>();
});

test('an array has some of its elements, and the last may be partial', () => {
  expectTypeOf<DeepPartial<string[]>>().toEqualTypeOf<readonly string[]>();
  expectTypeOf<DeepPartial<{ n: number }[]>>().toEqualTypeOf<readonly { readonly n?: number }[]>();
  expectTypeOf<DeepPartial<readonly number[][]>>().toEqualTypeOf<readonly (readonly number[])[]>();
});

test('a tuple may lack its later elements', () => {
  expectTypeOf<DeepPartial<[string, number]>>().toEqualTypeOf<readonly [string?, number?]>();
  expectTypeOf<DeepPartial<readonly ['a', { n: 1 }]>>().toEqualTypeOf<
    readonly [string?, { readonly n?: 1 }?]
  >();
  expectTypeOf<DeepPartial<[string, number?]>>().toEqualTypeOf<readonly [string?, number?]>();
  expectTypeOf<DeepPartial<[]>>().toEqualTypeOf<readonly []>();
  expectTypeOf<DeepPartial<['a', ...1[]]>>().toEqualTypeOf<readonly [string?, ...1[]]>();
  expectTypeOf<DeepPartial<[boolean, 'a', ...{ n: 1 }[]]>>().toEqualTypeOf<
    readonly [boolean?, string?, ...{ readonly n?: 1 }[]]
  >();
});

test('a union is a union of partial members', () => {
  type Shape = { kind: 'circle'; radius: number } | { kind: 'square'; side: number };
  expectTypeOf<DeepPartial<Shape>>().toEqualTypeOf<
    | { readonly kind?: string; readonly radius?: number }
    | { readonly kind?: string; readonly side?: number }
  >();
  expectTypeOf<DeepPartial<{ a: string } | null>>().toEqualTypeOf<{ readonly a?: string } | null>();
});

test('a record stays one', () => {
  expectTypeOf<DeepPartial<Record<string, { n: number }>>>().toEqualTypeOf<{
    readonly [key: string]: { readonly n?: number };
  }>();
  expectTypeOf<DeepPartial<Record<'a' | 'b', number>>>().toEqualTypeOf<{
    readonly a?: number;
    readonly b?: number;
  }>();
});

test('unknown stays unknown', () => {
  expectTypeOf<DeepPartial<unknown>>().toEqualTypeOf<unknown>();
  // oxlint-disable-next-line typescript/no-explicit-any -- the type under test
  expectTypeOf<DeepPartial<any>>().toEqualTypeOf<unknown>();
  expectTypeOf<DeepPartial<{ a: unknown }>>().toEqualTypeOf<{ readonly a?: unknown }>();
  expectTypeOf<DeepPartial<never>>().toEqualTypeOf<never>();
});

test('an optional property keeps its type', () => {
  expectTypeOf<DeepPartial<{ a?: 'x' }>>().toEqualTypeOf<{ readonly a?: string }>();
  expectTypeOf<DeepPartial<{ a?: 'x' | undefined }>>().toEqualTypeOf<{
    readonly a?: string | undefined;
  }>();
});

test('a recursive type is partial all the way down', () => {
  interface Tree {
    name: string;
    children: Tree[];
  }
  type Partial = DeepPartial<Tree>;
  expectTypeOf<NonNullable<NonNullable<Partial['children']>[0]>['name']>().toEqualTypeOf<
    string | undefined
  >();
  expectTypeOf<NonNullable<Partial['children']>>().toEqualTypeOf<readonly Partial[]>();
});

test('JSON of any kind stays assignable', () => {
  expectTypeOf<JsonValue>().toExtend<DeepPartial<JsonValue>>();
});

const Everything = z.object({
  title: z.string(),
  level: z.enum(['easy', 'hard']),
  fixed: z.literal('x'),
  brand: z.string().brand('Id'),
  servings: z.number().default(4),
  minutes: z.string().transform(Number),
  note: z.string().optional(),
  image: z.url().nullable(),
  tags: z.record(z.string(), z.number()),
  range: z.tuple([z.number(), z.string()], z.boolean()),
  shape: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('circle'), radius: z.number() }),
    z.object({ kind: z.literal('square'), side: z.number() }),
  ]),
  anything: z.unknown(),
  when: z.coerce.date(),
});

test('for a zod schema the input is partial, and the output complete', () => {
  expectTypeOf<DeepPartial<InputOf<typeof Everything>>>().toEqualTypeOf<{
    readonly title?: string;
    readonly level?: string;
    readonly fixed?: string;
    readonly brand?: string;
    readonly servings?: number | undefined;
    readonly minutes?: string;
    readonly note?: string | undefined;
    readonly image?: string | null;
    readonly tags?: { readonly [key: string]: number };
    readonly range?: readonly [number?, string?, ...boolean[]];
    readonly shape?:
      | { readonly kind?: string; readonly radius?: number }
      | { readonly kind?: string; readonly side?: number };
    readonly anything?: unknown;
    readonly when?: unknown;
  }>();
  expectTypeOf<OutputOf<typeof Everything>>().toEqualTypeOf<z.output<typeof Everything>>();
  expectTypeOf<OutputOf<typeof Everything>['minutes']>().toEqualTypeOf<number>();
  expectTypeOf<OutputOf<typeof Everything>['servings']>().toEqualTypeOf<number>();
});

test('a recursive zod schema works too', () => {
  const Category = z.object({
    name: z.string(),
    get children() {
      return z.array(Category);
    },
  });
  type Partial = DeepPartial<InputOf<typeof Category>>;
  const partial: Partial = { children: [{ name: 'Bre', children: [{}] }] };
  expectTypeOf(partial.children![0]!.children![0]!.name).toEqualTypeOf<string | undefined>();
});

test('a complete value is assignable to its partial type', () => {
  expectTypeOf<z.input<typeof Everything>>().toExtend<DeepPartial<InputOf<typeof Everything>>>();
});

test('it is read-only', () => {
  const partial: DeepPartial<{ a: string; b: number[] }> = { a: '', b: [] };
  // @ts-expect-error: snapshots share their branches.
  partial.a = 'x';
  // @ts-expect-error: snapshots share their branches.
  partial.b?.push(1);
});
