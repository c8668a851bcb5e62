// What `eager` saves: a reply that calls a slow tool first and then writes for two seconds, and the
// answer to its result; through the SDK client from a server on loopback, beside the SDK's own
// runner. All of a round is interleaved in one process; medians of wall-clock time. The overlap is
// the time that the tool and the rest of the reply share. Exits with 1 if less than nine tenths of
// it are saved.
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { VERSION } from '@anthropic-ai/sdk/version';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastValueFrom } from 'rxjs';
import { z } from 'zod';
import { messageEvents, MessagesServer } from '../src/testing/index.ts';
import { defineTool, runTools } from '../src/tools/index.ts';

const ROUNDS = 5;
const TOOL = 1_500;
const TEXT = 2_000;
/** A delta, 40 a second. */
const PACE = 25;

const words = 'word '.repeat(TEXT / PACE);
const reply = messageEvents.toolUse('look_up', {}, { chunk: Infinity }).text(words, { chunk: 5 });
const answer = messageEvents.text('There it is.');

const server = await MessagesServer.start();
server.handle(({ body }) => {
  const isAnswer = body.messages.length > 1;
  return { events: isAnswer ? answer : reply.with({ stopReason: 'tool_use' }), pace: PACE };
});
const client = new Anthropic({ apiKey: 'none', baseURL: server.url });

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Look it up.' }],
};
const about = { name: 'look_up', description: 'Looks something up' };
const ours = defineTool({ ...about, input: z.object({}), run: () => sleep(TOOL, 'found') });
const theirs = betaZodTool({
  ...about,
  inputSchema: z.object({}),
  run: () => sleep(TOOL, 'found'),
});

const contenders: Record<string, () => Promise<unknown>> = {
  runTools: () => lastValueFrom(runTools(client, params, { tools: [ours] })),
  'runTools, eager': () => lastValueFrom(runTools(client, params, { tools: [ours], eager: true })),
  'SDK toolRunner': () => runToEnd(false),
  'SDK toolRunner, runToolsEagerly': () => runToEnd(true),
};

async function runToEnd(runToolsEagerly: boolean): Promise<void> {
  const runner = client.beta.messages.toolRunner({
    ...params,
    tools: [theirs],
    stream: true,
    thread: false,
    runToolsEagerly,
  });
  for await (const stream of runner) await stream.finalMessage();
}

const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(contenders)) {
    const began = performance.now();
    await run();
    times.get(name)!.push(performance.now() - began);
  }
}
await server.close();

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const medians = new Map([...times].map(([name, values]) => [name, median(values)]));
const overlap = Math.min(TOOL, TEXT);
const saved = medians.get('runTools')! - medians.get('runTools, eager')!;

console.log(`SDK ${VERSION}, Node ${process.version}, ${cpus()[0]?.model}, ${ROUNDS} rounds`);
console.log(`a tool of ${TOOL} ms, then ${TEXT} ms of text: ${overlap} ms overlap\n`);
for (const [name, milliseconds] of medians) {
  console.log(`${name.padEnd(34)}${milliseconds.toFixed(0).padStart(6)} ms`);
}
console.log(
  `\neager ends ${saved.toFixed(0)} ms earlier, ${(saved / overlap).toFixed(2)} of the overlap`,
);
if (saved < 0.9 * overlap) process.exitCode = 1;
