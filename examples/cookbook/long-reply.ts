// A reply of 32 MB through a slow step, in the memory of a few events: the source waits for the
// step, and nothing keeps what is done with.
import { fromMessages, textOnly, Valve } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { createHash } from 'node:crypto';
import { lastValueFrom } from 'rxjs';
import { setImmediate } from 'node:timers/promises';
import { connectOffline, question } from './connect.ts';

const MB = 1024 * 1024;
const LINE = `${'x'.repeat(8191)}\n`;
await using api = await connectOffline({ events: longReply(4 * 1024), chunk: 64 * 1024 });

const hash = createHash('sha256');
let length = 0;
let highest = 0;
const save = async (text: string): Promise<void> => {
  await setImmediate(); // a disk, a database
  hash.update(text);
  length += text.length;
  highest = Math.max(highest, process.memoryUsage().heapUsed);
};

const before = process.memoryUsage().heapUsed;
const valve = new Valve({ highWaterMark: 64 });
const saved$ = fromMessages(api.client, question('Everything, please.'), {
  valve,
  keepContent: false,
}).pipe(textOnly(), valve.concatMap(save));
await lastValueFrom(saved$);

console.log(`${(length / MB).toFixed(0)} MB of text, sha256 ${hash.digest('hex').slice(0, 8)}`);
console.log(`the heap grew by ${Math.max(0, (highest - before) / MB).toFixed(0)} MB at most`);

/** A reply that is made while it is sent. */
function* longReply(lines: number) {
  const [start, blockStart, , ...rest] = messageEvents.text('x');
  yield* [start!, blockStart!];
  for (let line = 0; line < lines; line++) {
    const delta = { type: 'text_delta', text: LINE } as const;
    yield { type: 'content_block_delta', index: 0, delta } as const;
  }
  yield* rest;
}
