// Three replies at once, line by line, each with its label.
import { fromMessages, segmentText, textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom, map, merge, tap } from 'rxjs';
import { connect, question } from './connect.ts';

const poem = (word: string) => ({
  events: messageEvents.text(`A ${word} line,\nanother ${word} line,\nand the last one.`),
  pace: 15,
});
await using api = await connect(poem('quiet'), poem('loud'), poem('blue'));

const ask = (topic: string) =>
  fromMessages(api.client, question(`A poem of three lines about ${topic}, no title.`)).pipe(
    textOnly(),
    segmentText('line'),
    map((line) => `${topic.padEnd(6)} | ${line.trimEnd()}`),
  );

// An error of one is the error of all; `catchError` in `ask` would keep it to itself.
const lines$ = merge(ask('rain'), ask('trains'), ask('tea'));
await lastValueFrom(lines$.pipe(tap((line) => console.log(line))));
