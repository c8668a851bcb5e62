// A tool that is withdrawn in the middle of a conversation: its call does not run, and the model is told.
import { Conversation } from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { defineTool } from 'claude-rx/tools';
import { filter, lastValueFrom, tap } from 'rxjs';
import { z } from 'zod';
import { connect, question } from './connect.ts';

const buy = defineTool({
  name: 'buy',
  description: 'Buys shares',
  input: z.object({ count: z.number() }),
  run: ({ count }) => `Bought ${count}.`,
});
await using api = await connect(
  messageEvents.toolUse('buy', { count: 1 }),
  messageEvents.text('Bought one.'),
  messageEvents.toolUse('buy', { count: 2 }),
  messageEvents.text('I cannot buy now.'),
);

const { model, max_tokens } = question('');
const conversation = new Conversation(api.client, { model, max_tokens }, { tools: [buy] });
const say = (text: string) =>
  lastValueFrom(
    conversation.send(text).pipe(
      filter((event) => event.type === 'tool_result'),
      tap(({ name, status }) => console.log(`${name}: ${status}`)),
    ),
    { defaultValue: undefined },
  );

await say('Buy one.');
// The market has closed. `tool_addition` gives the tool back.
conversation.addSystemMessage([
  { type: 'tool_removal', tool: { type: 'tool_reference', name: 'buy' } },
]);
await say('Buy two.');
console.log(conversation.messages.at(-1)?.text);
