import type Anthropic from '@anthropic-ai/sdk';
import { fromMessages, structuredOutput } from 'claude-rx';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';

const Recipe = z.object({ title: z.string() });
const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

test('structuredOutput is a part of the parameters, of both APIs', () => {
  const request = { ...params, ...structuredOutput(Recipe) };
  expectTypeOf(request).toExtend<Anthropic.MessageCreateParamsNonStreaming>();
  expectTypeOf(request).toExtend<Anthropic.Beta.Messages.MessageCreateParamsNonStreaming>();
  const client = {} as Anthropic;
  fromMessages(client, request);
  fromMessages(client.beta, request);
  const { format } = structuredOutput(Recipe).output_config;
  expectTypeOf({ effort: 'low' as const, format }).toExtend<Anthropic.OutputConfig>();
});

test('structuredOutput refuses a value that is not a schema', () => {
  // @ts-expect-error: a JSON Schema is no Standard Schema.
  structuredOutput({ type: 'object' });
});
