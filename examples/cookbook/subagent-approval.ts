// A subagent that asks before it pays: the call waits in the outer loop, only JSON is kept, and the answer
// goes on with the subagent where it stopped.
import { textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import {
  defineTool,
  type PendingCall,
  type ResumedSubagent,
  runTools,
  type ToolAnswer,
  type TurnEndEvent,
} from 'claude-rx/tools';
import { lastValueFrom, tap } from 'rxjs';
import { z } from 'zod';
import { connect, question } from './connect.ts';

const pay = defineTool({
  name: 'pay',
  description: 'Pays a bill',
  input: z.object({ to: z.string() }),
  run: ({ to }) => {
    console.log(`(pays ${to})`);
    return 'Paid.';
  },
});
await using api = await connect(
  messageEvents.toolUse('office', { task: 'Pay the gas bill.' }),
  messageEvents.toolUse('pay', { to: 'Gas & Light' }),
  messageEvents.text('The gas bill is paid.'),
  messageEvents.text('That is settled.'),
);

/** The subagent: from its start, or from where it was interrupted. */
function work(task: string, { appended = [], answers }: Partial<ResumedSubagent> = {}) {
  const start = question(task);
  const messages = [...start.messages, ...appended];
  return runTools(
    api.client,
    { ...start, messages },
    { tools: [pay], approve: () => 'defer', answers },
  );
}
const office = defineTool({
  name: 'office',
  description: 'Does office work',
  input: z.object({ task: z.string() }),
  run: ({ task }) => work(task),
  resume: ({ task }, resumed) => work(task, resumed),
});

const request = question('Have the gas bill paid.');
const end = (await lastValueFrom(
  runTools(api.client, request, { tools: [office] }),
)) as TurnEndEvent;
const stored = JSON.stringify({
  messages: [...request.messages, ...end.appended],
  pending: end.pending,
});

// Days later, in another process: a yes to all that waits, however deep.
const { messages, pending } = JSON.parse(stored) as {
  messages: typeof request.messages;
  pending: PendingCall[];
};
const yes = (call: PendingCall): ToolAnswer => {
  if (call.subagent) return { ...call, answers: call.subagent.pending.map(yes) };
  console.log(`${call.name} ${JSON.stringify(call.input)}? Yes.`);
  return { id: call.id, approved: true };
};
await lastValueFrom(
  runTools(
    api.client,
    { ...request, messages },
    { tools: [office], answers: pending.map(yes) },
  ).pipe(
    textOnly(),
    tap((text) => process.stdout.write(text)),
  ),
);
console.log();
