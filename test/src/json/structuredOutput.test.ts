import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { fromMessages, jsonOutput, structuredOutput } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as mini from 'zod/mini';
import { params, received, useServer } from '../../support/server.ts';

const schemaOf = (schema: Parameters<typeof structuredOutput>[0]): Record<string, unknown> =>
  structuredOutput(schema).output_config.format.schema;

const Address = z.object({ street: z.string() });
const Category = z.object({
  name: z.string(),
  get children() {
    return z.array(Category);
  },
});

describe('structuredOutput', () => {
  it.each<[string, z.ZodType]>([
    ['an object', z.object({ a: z.string(), b: z.number(), c: z.boolean() })],
    [
      'optional and nullable properties',
      z.object({ a: z.string().optional(), b: z.int().nullable() }),
    ],
    [
      'a nullable object and array',
      z.object({ a: Address.nullable(), b: z.array(z.string()).nullable() }),
    ],
    ['no properties', z.object({})],
    ['a strict object', z.strictObject({ a: z.string() })],
    ['a loose object', z.looseObject({ a: z.string() })],
    ['nested objects and arrays', z.object({ a: z.array(z.object({ b: z.array(z.number()) })) })],
    ['a root that is a string', z.string()],
    ['a root that is an array', z.array(Address)],
    ['limits of strings', z.object({ a: z.string().min(1).max(5), b: z.string().regex(/^a+$/) })],
    ['limits of numbers', z.object({ a: z.number().min(0).max(9).multipleOf(3), b: z.int() })],
    [
      'no elements or more',
      z.object({ a: z.array(z.string()).min(0), b: z.array(z.string()).min(1) }),
    ],
    [
      'limits of arrays',
      z.object({ a: z.array(z.string()).min(3).max(4), b: z.array(z.int()).length(1) }),
    ],
    ['descriptions', Address.describe('Where').extend({ no: z.int().min(1).describe('House') })],
    [
      'titles and examples',
      z.object({ a: z.string().meta({ title: 'A', examples: ['x'], deprecated: true }) }),
    ],
    [
      'known formats',
      z.object({ a: z.email(), b: z.uuid(), c: z.url(), d: z.ipv4(), e: z.ipv6() }),
    ],
    [
      'dates as text',
      z.object({ a: z.iso.datetime(), b: z.iso.date(), c: z.iso.time(), d: z.iso.duration() }),
    ],
    ['unknown formats', z.object({ a: z.cuid(), b: z.base64(), c: z.emoji(), d: z.nanoid() })],
    ['enums', z.object({ a: z.enum(['x', 'y']), b: z.enum({ One: 1, Two: 2 }) })],
    [
      'literals',
      z.object({ a: z.literal('x'), b: z.literal(5), c: z.literal([1, 'a', null]), d: z.null() }),
    ],
    ['a described enum', z.object({ a: z.enum(['x', 'y']).describe('Which') })],
    ['a union', z.union([z.string(), z.number(), Address])],
    ['a union in a property', z.object({ a: z.union([z.string(), z.array(z.number().min(1))]) })],
    [
      'a discriminated union',
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('circle'), radius: z.number() }),
        z.object({ kind: z.literal('square'), side: z.number() }),
      ]),
    ],
    ['an intersection', z.intersection(z.object({ a: z.string() }), z.object({ b: z.string() }))],
    ['a reused schema', z.object({ home: Address, work: Address, other: z.array(Address) })],
    ['a reused schema with a description', z.object({ a: Address.describe('first'), b: Address })],
    ['a recursive root', Category],
    ['a recursive schema in a property', z.object({ category: Category, also: Category })],
    ['a lazy schema', z.object({ a: z.lazy(() => Address) })],
    [
      'brands and read-only arrays',
      z.object({ a: z.string().brand('Id'), b: z.array(z.int()).readonly() }),
    ],
    ['a template literal', z.object({ a: z.templateLiteral(['v', z.int()]) })],
    ['refinements', z.object({ a: z.string().refine((text) => text !== '') })],
    ['coerced values', z.object({ a: z.coerce.number(), b: z.coerce.boolean() })],
    ['a fallback value', z.object({ a: z.string().catch('x') })],
  ])('requests %s like the SDK', (_title, schema) => {
    const { schema: expected } = zodOutputFormat(schema);
    expect(structuredOutput(schema)).toStrictEqual({
      output_config: { format: { type: 'json_schema', schema: expected } },
    });
  });

  it('requests the input before defaults, which the SDK makes required', () => {
    const schema = z.object({ a: z.string().default('x'), b: z.string() });
    expect(zodOutputFormat(schema).schema['required']).toEqual(['a', 'b']);
    expect(schemaOf(schema)).toEqual({
      ...zodOutputFormat(schema).schema,
      required: ['b'],
    });
  });

  it('requests the input before transforms, which the SDK refuses, or replaces by their result', () => {
    const schema = z.object({ a: z.string().transform(Number), b: z.stringbool() });
    expect(() => zodOutputFormat(schema)).toThrow(/Transforms/);
    expect(schemaOf(schema)).toEqual({
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'string' } },
      required: ['a', 'b'],
      additionalProperties: false,
    });
  });

  it.each<[string, z.ZodType, string]>([
    ['a record', z.object({ a: z.record(z.string(), z.number()) }), 'a is a record'],
    ['a record of an enum', z.record(z.enum(['x']), z.number()), 'the schema is a record'],
    [
      'a record in an array',
      z.object({ a: z.array(z.record(z.string(), z.int())) }),
      'a[] is a record',
    ],
    [
      'an object of any properties',
      z.object({ a: z.object({ b: z.looseObject({}) }) }),
      'a.b is a record',
    ],
    ['a tuple', z.object({ a: z.tuple([z.string(), z.number()]) }), 'a is a tuple'],
    ['a tuple with a rest', z.tuple([z.string()], z.number()), 'the schema is a tuple'],
    ['any value', z.object({ a: z.any() }), 'a has no type'],
    ['an unknown value', z.object({ a: z.array(z.unknown()) }), 'a[] has no type'],
    ['never a value', z.object({ a: z.never() }), 'a has no type'],
    ['a reused record', z.object({ a: z.array(z.json()) }), '$defs.'],
    ['a date', z.object({ a: z.date() }), 'Date cannot be represented'],
    ['a map', z.map(z.string(), z.string()), 'Map cannot be represented'],
    ['undefined', z.undefined(), 'Undefined cannot be represented'],
    ['a bigint', z.bigint(), 'BigInt cannot be represented'],
  ])('refuses %s, which the API does not support', (_title, schema, problem) => {
    expect(() => structuredOutput(schema)).toThrow(TypeError);
    expect(() => structuredOutput(schema)).toThrow(`structuredOutput: ${problem}`);
  });

  it('refuses a schema without JSON Schema, and a value that is not a schema', () => {
    const validate = (value: unknown) => ({ value });
    const other = { '~standard': { version: 1 as const, vendor: 'other', validate } };
    expect(() => structuredOutput(other)).toThrow(
      new TypeError(
        'structuredOutput: this schema of other has no JSON Schema; use a schema of zod 4.2 or later (not of zod/mini)',
      ),
    );
    expect(() => structuredOutput(mini.object({}))).toThrow(/of zod has no JSON Schema/);
    expect(() => structuredOutput({ type: 'object' } as never)).toThrow(
      /^structuredOutput: pass a Standard Schema/,
    );
  });

  it('accepts a schema of another library that has a JSON Schema', () => {
    const asked: unknown[] = [];
    const input = (options: unknown) => {
      asked.push(options);
      return { $schema: 'draft', type: 'array', items: { type: 'object' }, minItems: 2 };
    };
    const validate = (value: unknown) => ({ value });
    const other = {
      '~standard': { version: 1 as const, vendor: 'other', validate, jsonSchema: { input } },
    };
    expect(schemaOf(other)).toEqual({
      type: 'array',
      items: { type: 'object', properties: {}, additionalProperties: false },
      description: '{minItems: 2}',
    });
    expect(asked).toEqual([{ target: 'draft-2020-12' }]);
  });

  describe('of a JSON Schema', () => {
    const given = (jsonSchema: object) => {
      const validate = (value: unknown) => ({ value });
      const standard = { version: 1, vendor: 'other', validate };
      return schemaOf({
        '~standard': { ...standard, jsonSchema: { input: () => jsonSchema } },
      } as never);
    };

    it('accepts allOf', () => {
      const allOf = [
        { type: 'string', minLength: 1 },
        { enum: ['a'], type: 'string' },
      ];
      expect(given({ allOf, examples: ['a'] })).toEqual({
        allOf: [{ type: 'string', description: '{minLength: 1}' }, { enum: ['a'] }],
        description: '{examples: ["a"]}',
      });
    });

    it('moves enums that are empty or have values other than literals to the description', () => {
      expect(given({ type: 'object', enum: [{ a: 1 }] })).toEqual({
        type: 'object',
        properties: {},
        additionalProperties: false,
        description: '{enum: [{"a":1}]}',
      });
      expect(given({ type: 'string', enum: [] })).toEqual({
        type: 'string',
        description: '{enum: []}',
      });
    });

    it('keeps the definitions beside a reference', () => {
      const $defs = { Name: { type: 'string', minLength: 1 } };
      expect(given({ $ref: '#/$defs/Name', $defs })).toEqual({
        $ref: '#/$defs/Name',
        $defs: { Name: { type: 'string', description: '{minLength: 1}' } },
      });
    });

    it('does not change it', () => {
      const found = { type: 'object', properties: { a: { type: 'string', minLength: 1 } } };
      const before = structuredClone(found);
      given(found);
      expect(found).toEqual(before);
    });
  });
});

describe('structuredOutput, with a server', () => {
  const api = useServer();

  it('is in the body of the request, and the reply is read with the same schema', async () => {
    const Recipe = z.object({ title: z.string(), minutes: z.int().default(20) });
    api.server.reply(messageEvents.text('{"title":"Pancakes"}', { chunk: 8 }));
    const request = { ...params, ...structuredOutput(Recipe) };
    const snapshots = await received(fromMessages(api.client, request).pipe(jsonOutput(Recipe)));
    expect(snapshots).toEqual([
      { status: 'partial', value: {} },
      { status: 'partial', value: { title: 'Pancak' } },
      { status: 'partial', value: { title: 'Pancakes' } },
      { status: 'complete', value: { title: 'Pancakes', minutes: 20 } },
    ]);
    expect(api.server.requests).toHaveLength(1);
    expect(api.server.requests[0]!.body).toEqual({
      ...params,
      stream: true,
      output_config: {
        format: {
          type: 'json_schema',
          schema: {
            type: 'object',
            properties: {
              title: { type: 'string' },
              minutes: {
                type: 'integer',
                description: '{default: 20, minimum: -9007199254740991, maximum: 9007199254740991}',
              },
            },
            required: ['title'],
            additionalProperties: false,
          },
        },
      },
    });
  });

  it('leaves the other fields of output_config free', async () => {
    api.server.reply(messageEvents.text('"x"'));
    const { format } = structuredOutput(z.string()).output_config;
    const request = { ...params, output_config: { effort: 'low' as const, format } };
    await received(fromMessages(api.client, request));
    expect(api.server.requests[0]!.body).toMatchObject({
      output_config: { effort: 'low', format: { type: 'json_schema', schema: { type: 'string' } } },
    });
  });
});
