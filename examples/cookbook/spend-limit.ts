// A loop with tools that stops when it has cost enough, or when the model hands over.
import { calls, defineTool, runTools, spent, type TurnEndEvent } from 'claude-rx/tools';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom } from 'rxjs';
import { z } from 'zod';
import { connect, question } from './connect.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks at a page of the archive',
  input: z.object({ page: z.number() }),
  run: ({ page }) => `Nothing on page ${page}.`,
});
const usage = { input_tokens: 20_000, output_tokens: 1_000 };
await using api = await connect(
  ...[1, 2, 3, 4].map((page) => messageEvents.toolUse('look', { page }).with({ usage })),
  messageEvents.text('There is nothing.'),
);

const conditions = [spent({ cost: 0.25 }), calls('hand_over')];
const end = (await lastValueFrom(
  runTools(api.client, question('Search the archive.'), {
    tools: [look],
    // Per million tokens.
    prices: { input: 5, output: 25 },
    stopWhen: (context) => conditions.some((stops) => stops(context)),
  }),
)) as TurnEndEvent;
console.log(`${end.outcome} after ${end.turn} turns and ${end.total.input_tokens} tokens`);
