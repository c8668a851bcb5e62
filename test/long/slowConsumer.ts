// A process of its own, so that its memory is: asks the server of its parent for a reply of large
// events, and takes a while for each of them. `slowReply.ts` starts it.
import Anthropic from '@anthropic-ai/sdk';
import { fromMessages, type StreamEvent, Valve } from 'claude-rx';
import { concatMap, lastValueFrom } from 'rxjs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Figures, type Mode, type Progress, pieceOf, WORK } from './slowReply.ts';

type Work = (event: StreamEvent) => Promise<void>;

const [mode, baseURL] = process.argv.slice(2) as [Mode, string];
const client = new Anthropic({ apiKey: 'test', baseURL, maxRetries: 0 });
const params = { model: 'claude-opus-5-5', max_tokens: 1024, messages: [] };

const consumers: Record<Mode, (work: Work) => Promise<unknown>> = {
  'fromMessages, valve.concatMap': (work) => {
    const valve = new Valve({ highWaterMark: 16 });
    const events = fromMessages(client, params, { valve, keepContent: false });
    return lastValueFrom(events.pipe(valve.concatMap(work)));
  },
  'fromMessages, concatMap': (work) =>
    lastValueFrom(fromMessages(client, params, { keepContent: false }).pipe(concatMap(work))),
  "for await of the SDK's messages.stream()": async (work) => {
    for await (const event of client.messages.stream(params)) await work(event);
  },
};

/** Consumes one reply; `onPiece` is told of each event when it has been worked on. */
async function consume(onPiece: (piece: string) => void): Promise<void> {
  await consumers[mode](async (event) => {
    await pause(WORK);
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
      onPiece(event.delta.text);
    }
  });
}

const memory = () => {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, live: heapUsed + external };
};

// A short reply first, so that what is loaded and compiled counts as there before.
await consume(() => {});
for (let round = 0; round < 5; round++) {
  gc!();
  await pause(20);
}

const before = memory();
const most = { ...before };
const sampling = setInterval(() => {
  // What is garbage counts for the memory that the process takes, and not for what it holds.
  most.rss = Math.max(most.rss, memory().rss);
  gc!();
  most.live = Math.max(most.live, memory().live);
}, 100);

let count = 0;
let isInOrder = true;
const began = performance.now();
await consume((piece) => {
  isInOrder &&= piece === pieceOf(count);
  count++;
  if (count % 10 === 0) process.send!({ count } satisfies Progress);
});
clearInterval(sampling);
process.send!({
  count,
  isInOrder,
  took: performance.now() - began,
  rss: most.rss - before.rss,
  live: most.live - before.live,
} satisfies Figures);
process.disconnect();
