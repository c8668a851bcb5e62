// Two subagents at work at the same time, each in a lane of its own, and the answer of the agent.
import { isSubagentEvent, shareMessage, textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { defineTool, runTools } from 'claude-rx/tools';
import { filter, groupBy, lastValueFrom, map, merge, mergeMap, tap } from 'rxjs';
import { z } from 'zod';
import { connect, question } from './connect.ts';

await using api = await connect(
  messageEvents.toolUse('research', { task: 'Rome' }).toolUse('research', { task: 'Oslo' }),
  messageEvents.text('Mild all year.'),
  messageEvents.text('Long winters.'),
  messageEvents.text('Rome is the warmer one.'),
);

const research = defineTool({
  name: 'research',
  description: 'Researches the climate of one city. Gives a short report.',
  input: z.object({ task: z.string() }),
  // Its own conversation, and its own tools if it has any.
  run: ({ task }) =>
    runTools(api.client, question(`Describe the climate of ${task}.`), { tools: [] }),
});

const loop$ = runTools(api.client, question('Which is warmer, Rome or Oslo? Research both.'), {
  tools: [research],
  maxTurns: 5,
}).pipe(shareMessage());

const subagents$ = loop$.pipe(
  filter(isSubagentEvent),
  groupBy(({ parent_tool_use_id: parent }) => parent),
  mergeMap((thread, lane) =>
    thread.pipe(
      map(({ progress }) => progress),
      textOnly(),
      map((text) => `[subagent ${lane + 1}] ${text}`),
    ),
  ),
);
const usage$ = loop$.pipe(
  filter((event) => event.type === 'turn_end'),
  map(({ turn, total }) => `turn ${turn}: ${total.output_tokens} output tokens in all`),
);
await lastValueFrom(
  merge(subagents$, usage$, loop$.pipe(textOnly())).pipe(tap((line) => console.log(line))),
);
