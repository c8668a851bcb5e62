// Writes a reply to a file while it arrives. When it resolves, the text is on the disk; when the
// reply breaks, what had come is there too.
//
//   npx tsx examples/cookbook/to-file.ts reply.md
import { appendText, fromMessages, textOnly, Valve } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { mkdtemp, open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, question } from './connect.ts';

const path = process.argv[2] ?? join(await mkdtemp(join(tmpdir(), 'claude-rx-')), 'reply.md');
await using api = await connect(
  messageEvents.text('# Streams\n\nA list that takes its time. 🌊\n'),
);

const file = await open(path, 'w');
try {
  // A slow disk makes the source wait.
  const valve = new Valve({ highWaterMark: 64 });
  const params = question('Explain streams in Markdown, in three lines.');
  const text$ = fromMessages(api.client, params, { valve }).pipe(textOnly());
  await appendText(text$, file, { valve });
} finally {
  await file.close();
}
console.log(`${path}:\n${await readFile(path, 'utf8')}`);
