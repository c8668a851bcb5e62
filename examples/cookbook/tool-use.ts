// A tool that starts as soon as its call is complete, checked by a schema, and the answer after it.
import type Anthropic from '@anthropic-ai/sdk';
import { finalMessage, fromMessages, shareMessage, textOnly, toolUses } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { forkJoin, lastValueFrom, mergeMap, tap, toArray } from 'rxjs';
import { z } from 'zod';
import { connect, question } from './connect.ts';

const schemas = { get_weather: z.object({ city: z.string() }) };
const request: Anthropic.MessageCreateParamsNonStreaming = {
  ...question('What is the weather in Rome and in Paris?'),
  tools: [
    {
      name: 'get_weather',
      description: 'The weather in a city',
      input_schema: z.toJSONSchema(schemas.get_weather) as Anthropic.Tool.InputSchema,
    },
  ],
};
await using api = await connect(
  messageEvents.toolUse('get_weather', { city: 'Rome' }).toolUse('get_weather', { city: 'Paris' }),
  messageEvents.text('Sunny in Rome, rain in Paris.'),
);

const weather = async (city: string): Promise<string> => {
  console.log(`get_weather ${city}`);
  return city === 'Rome' ? 'sun' : 'rain';
};

const events$ = fromMessages(api.client, request).pipe(shareMessage());
const answer$ = forkJoin({
  message: events$.pipe(finalMessage()),
  results: events$.pipe(
    toolUses(schemas),
    mergeMap(async ({ id, input }): Promise<Anthropic.ToolResultBlockParam> => ({
      type: 'tool_result',
      tool_use_id: id,
      content: await weather(input.city),
    })),
    toArray(),
  ),
}).pipe(
  mergeMap(({ message, results }) =>
    fromMessages(api.client, {
      ...request,
      messages: [
        ...request.messages,
        { role: 'assistant', content: message.content },
        { role: 'user', content: results },
      ],
    }),
  ),
  textOnly(),
);
await lastValueFrom(answer$.pipe(tap((text) => process.stdout.write(text))));
console.log();
