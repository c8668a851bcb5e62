// A call that waits for a person: the loop ends, only JSON is kept, and the answer goes on with it.
import { defineTool, runTools, type ToolAnswer, type TurnEndEvent } from 'claude-rx/tools';
import { textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom, tap } from 'rxjs';
import { z } from 'zod';
import { connect, question } from './connect.ts';

const deleteFile = defineTool({
  name: 'delete_file',
  description: 'Deletes a file',
  input: z.object({ path: z.string() }),
  run: ({ path }) => {
    console.log(`(deletes ${path})`);
    return 'Deleted.';
  },
});
await using api = await connect(
  messageEvents.toolUse('delete_file', { path: 'notes.txt' }),
  messageEvents.text('The file is gone.'),
);

const request = question('Delete notes.txt.');
const end = (await lastValueFrom(
  runTools(api.client, request, { tools: [deleteFile], approve: () => 'defer' }),
)) as TurnEndEvent;
// For a database: plain JSON.
const stored = JSON.stringify({
  messages: [...request.messages, ...end.appended],
  pending: end.pending,
});
console.log(end.outcome, JSON.stringify(end.pending?.map(({ name, input }) => ({ name, input }))));

// Days later, in another process.
const { messages, pending } = JSON.parse(stored) as {
  messages: typeof request.messages;
  pending: { id: string }[];
};
const answers: ToolAnswer[] = pending.map(({ id }) => ({ id, approved: true }));
await lastValueFrom(
  runTools(api.client, { ...request, messages }, { tools: [deleteFile], answers }).pipe(
    textOnly(),
    tap((text) => process.stdout.write(text)),
  ),
);
console.log();
