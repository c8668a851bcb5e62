import type { InputOf, OutputOf, StandardSchema } from 'claude-rx';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import * as mini from 'zod/mini';

test('InputOf and OutputOf equal the types of zod', () => {
  const Schema = z.object({ a: z.string().transform(Number), b: z.number().default(1) });
  expectTypeOf<InputOf<typeof Schema>>().toEqualTypeOf<z.input<typeof Schema>>();
  expectTypeOf<OutputOf<typeof Schema>>().toEqualTypeOf<z.output<typeof Schema>>();
  const Mini = mini.object({ a: mini._default(mini.string(), 'x') });
  expectTypeOf<InputOf<typeof Mini>>().toEqualTypeOf<{ a?: string | undefined }>();
  expectTypeOf<OutputOf<typeof Mini>>().toEqualTypeOf<{ a: string }>();
});

test('InputOf and OutputOf are unknown if the schema has no types', () => {
  const validate = (value: unknown) => ({ value });
  const schema = { '~standard': { version: 1 as const, vendor: 'own', validate } };
  expectTypeOf(schema).toExtend<StandardSchema>();
  expectTypeOf<InputOf<typeof schema>>().toEqualTypeOf<unknown>();
  expectTypeOf<OutputOf<StandardSchema>>().toEqualTypeOf<unknown>();
  expectTypeOf<InputOf<z.ZodType>>().toEqualTypeOf<unknown>();
});

test('any zod schema is a StandardSchema', () => {
  expectTypeOf<z.ZodType>().toExtend<StandardSchema>();
  expectTypeOf<z.ZodType<string>>().toExtend<StandardSchema>();
  expectTypeOf<z.ZodObject>().toExtend<StandardSchema>();
});
