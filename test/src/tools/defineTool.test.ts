import { defineTool, toolDefinitions } from 'claude-rx/tools';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as mini from 'zod/mini';

const input = z.object({
  city: z.string().describe('Where'),
  days: z.number().int().min(1).default(1),
  unit: z.enum(['C', 'F']).optional(),
});
const config = { name: 'get_weather', description: 'The weather', input, run: () => 'Sunny' };

describe('defineTool', () => {
  it('gives the model the JSON Schema of the input, with the fields of the API', () => {
    const tool = defineTool({
      ...config,
      cache_control: { type: 'ephemeral' },
      eager_input_streaming: true,
      timeout: 5_000,
      eager: false,
    });
    expect(tool.definition).toEqual({
      name: 'get_weather',
      description: 'The weather',
      cache_control: { type: 'ephemeral' },
      eager_input_streaming: true,
      input_schema: {
        type: 'object',
        properties: {
          city: { type: 'string', description: 'Where' },
          days: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, default: 1 },
          unit: { type: 'string', enum: ['C', 'F'] },
        },
        // Before the defaults: the model may leave `days` out.
        required: ['city'],
      },
    });
    expect(tool).toMatchObject({ name: 'get_weather', input, timeout: 5_000, eager: false });
  });

  it('gives a strict tool a schema that the API can enforce', () => {
    const tool = defineTool({ ...config, strict: true });
    expect(tool.definition).toMatchObject({
      strict: true,
      input_schema: {
        type: 'object',
        additionalProperties: false,
        properties: {
          days: { type: 'integer', description: expect.stringContaining('minimum: 1') },
        },
      },
    });
  });

  it('accepts a JSON Schema for a schema that has none', () => {
    const schema = mini.object({ city: mini.string() });
    expect(() => defineTool({ ...config, input: schema, run: ({ city }) => city })).toThrow(
      /^defineTool\('get_weather'\): this schema of zod has no JSON Schema/,
    );
    const inputSchema = { type: 'object', properties: { city: { type: 'string' } } } as const;
    const tool = defineTool({ ...config, input: schema, inputSchema });
    expect(tool.definition.input_schema).toEqual(inputSchema);
  });

  it.each<[string, object, RegExp]>([
    [
      'no name',
      { name: '' },
      /^defineTool: `name` must be 1 to 128 letters, digits, _ and -, not ""/,
    ],
    ['a name that the API refuses', { name: 'get weather' }, /not "get weather"/],
    ['no description', { description: undefined }, /`description`/],
    ['no schema', { input: { type: 'object' } }, /pass a Standard Schema/],
    ['no object', { input: z.string() }, /must be an object/],
    ['a date, which JSON has none of', { input: z.object({ at: z.date() }) }, /Date/],
    ['no function', { run: 'Sunny' }, /`run` must be a function/],
    ['no preview', { preview: 'Sunny' }, /`preview` must be a function/],
    ['no time', { timeout: 0 }, /`timeout` must be milliseconds above 0, not 0/],
  ])('refuses %s', (_, wrong, message) => {
    const define = () => defineTool({ ...config, ...wrong } as typeof config);
    expect(define).toThrow(TypeError);
    expect(define).toThrow(message);
  });
});

describe('toolDefinitions', () => {
  it('returns the `tools` of a request', () => {
    const search = { type: 'web_search_20250305', name: 'web_search' } as const;
    const tool = defineTool(config);
    expect(toolDefinitions([tool, search])).toEqual([tool.definition, search]);
    expect(() =>
      toolDefinitions([tool, { ...search, name: 'get_weather' as 'web_search' }]),
    ).toThrow(/two tools named 'get_weather'/);
  });
});
