// Types a reply evenly, however it arrives: here in bursts of a sentence.
import { fromMessages, smoothText, textOnly, writeText } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { connect, question } from './connect.ts';

const reply = messageEvents.text(
  'A reply arrives in bursts. A reader likes an even flow. So what has come is typed at the pace at which it comes, and it never falls far behind. 👩‍💻',
  { chunk: 30 },
);
await using api = await connect({ events: reply, pace: 300 });

const text$ = fromMessages(api.client, question('Why type a reply out evenly?')).pipe(
  textOnly(),
  smoothText({ maxLatency: 600 }),
);
await writeText(text$, process.stdout, { end: false });
console.log();
