// A line that says how far a reply is, while the reply itself goes elsewhere.
import { finalText, fromMessages, measureStream, type StreamMeasurements } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { lastValueFrom } from 'rxjs';
import { connect, question } from './connect.ts';

const report = 'Streams are lists that take their time. '.repeat(12);
await using api = await connect({ events: messageEvents.text(report, { chunk: 12 }), pace: 30 });

const reply$ = fromMessages(api.client, question('Write a short report on streams.')).pipe(
  measureStream(show, { every: 100 }),
  finalText(),
);
const text = await lastValueFrom(reply$);
console.log(`${text.split(/\s+/).length} words`);

function show({ outcome, characters, duration }: StreamMeasurements): void {
  const line = `${outcome}: ${characters} characters in ${(duration / 1_000).toFixed(1)} s`;
  // On a terminal each line replaces the one before.
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[2K${line}` : `${line}\n`);
  if (outcome !== 'running' && process.stderr.isTTY) process.stderr.write('\n');
}
