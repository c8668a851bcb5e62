import { jsonElements, jsonOutput, type StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import { from } from 'rxjs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { failure, params, received } from '../support/server.ts';

const look = defineTool({
  name: 'look',
  description: 'd',
  input: z.looseObject({}),
  run: () => 'seen',
});
const loop = (...replies: Iterable<StreamEvent>[]) =>
  runTools((_, { turn }) => from(replies[turn - 1]!), params, { tools: [look] });
const silent = messageEvents.toolUse('look', {});
const schema = z.object({ a: z.number() });

it.each([
  ['no text', silent],
  ['text', messageEvents.text('I look.').toolUse('look', {})],
])('reads the JSON of the last reply, behind a reply with a call and %s', async (_, asks) => {
  const output = await received(loop(asks, messageEvents.text('{"a":1}')).pipe(jsonOutput(schema)));
  expect(output.at(-1)).toEqual({ status: 'complete', value: { a: 1 } });
  const elements = loop(asks, messageEvents.text('[{"a":1},{"a":2}]')).pipe(jsonElements(schema));
  expect(await received(elements)).toEqual([{ a: 1 }, { a: 2 }]);
});

it('fails where the last reply of a loop has no JSON', async () => {
  const asks = silent.with({ stopReason: 'max_tokens' });
  expect(await failure(loop(asks).pipe(jsonOutput(schema)))).toMatchObject({
    code: 'invalid_json',
  });
});
