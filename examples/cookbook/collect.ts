// The whole message at once, with what it has cost: no loop, no state, and a cut reply is an error.
import { finalMessage, fromMessages } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom } from 'rxjs';
import { connect, question } from './connect.ts';

await using api = await connect(
  messageEvents.text('Because they compose.').with({ usage: { input_tokens: 14 } }),
);

const message = await lastValueFrom(
  fromMessages(api.client, question('Why streams? Five words.')).pipe(finalMessage()),
);
for (const block of message.content) if (block.type === 'text') console.log(block.text);
const { input_tokens, output_tokens } = message.usage;
console.log(`${message.stop_reason}: ${input_tokens} tokens in, ${output_tokens} out`);
