// What `inspect` costs for a reply of 20,000 deltas: without it, with two that nobody is attached to, and
// with two that report to an inspector in another process, as `connectInspector` does: kinds and lengths
// only, or content too. Two pipelines: the shortest that there is, and that of the README, which recovers.
// The reply is read from memory in chunks of 4 KiB, about 40 events each. The contenders take turns in one
// process; compared are the medians of their CPU time. A run that reports ends when its last report is
// sent. Exits with 1 if attached costs more than 1.5 of the pipeline without it, or detached more than 1.1.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import { VERSION } from '@anthropic-ai/sdk/version';
import {
  continueFrom,
  exponentialBackoff,
  fromMessages,
  fromResponse,
  messageTimeout,
  retryResumable,
  textOnly,
} from '../src/index.ts';
import { connectInspector, inspect } from '../src/inspect/index.ts';
import { count, lastValueFrom, type Observable, of, type Subscription } from 'rxjs';
import { type Contender, interleave, median } from './measure.ts';
import { chunksOf, makeReply, respond } from './replies.ts';

const MOST = { detached: 1.1, attached: 1.5 };
const [ROUNDS, WARM_UP] = [30, 8];
/** Milliseconds in which all that was reported is sent: a program sends it every 50 ms. */
const BATCHES = 120;

/** Starts `claude-rx inspect` and gives the address that it prints. */
async function start(): Promise<{ child: ChildProcess; url: string }> {
  const program = new URL('../src/cli/claudeRx.ts', import.meta.url).pathname;
  const parameters = ['--import', 'tsx', program, 'inspect', '--port', '0'];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (data) => {
      output += String(data);
      const found = /http:\S+(?=\s)/.exec(output)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(output)));
  });
  return { child, url };
}

const chunks = chunksOf(makeReply('text, ASCII'), 4_096);
const client = new Anthropic({ apiKey: 'none', fetch: async () => respond(chunks) });
const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Write.' }],
};
const counted = (reply: Observable<string>) => lastValueFrom(reply.pipe(count()));
const recover = () =>
  retryResumable({
    resume: ({ partial }) => fromMessages(client, continueFrom(params, partial)),
    delay: exponentialBackoff(),
  });

const pipelines = {
  'fromResponse, textOnly': {
    plain: () => counted(fromResponse(respond(chunks)).pipe(textOnly())),
    inspected: () =>
      counted(fromResponse(respond(chunks)).pipe(inspect('api'), textOnly(), inspect('shown'))),
  },
  'that of the README': {
    plain: () =>
      counted(
        fromMessages(client, params).pipe(
          messageTimeout({ liveness: 30_000 }),
          recover(),
          textOnly(),
        ),
      ),
    inspected: () =>
      counted(
        fromMessages(client, params).pipe(
          messageTimeout({ liveness: 30_000 }),
          recover(),
          inspect('api'),
          textOnly(),
          inspect('shown'),
        ),
      ),
  },
};

const { child, url } = await start();
let connected: Subscription | undefined;
/** Connects, or disconnects, and waits until that has been done. */
const connect = async (content?: boolean) => {
  connected?.unsubscribe();
  connected = content === undefined ? undefined : connectInspector(url, { content });
  of(0).pipe(inspect('first')).subscribe();
  await setTimeout(BATCHES);
};
const reporting = (content: boolean, run: () => Promise<number>): Contender => ({
  expected: 20_000,
  prepare: () => connect(content),
  run: async () => {
    const found = await run();
    await setTimeout(BATCHES);
    return found;
  },
});
console.log(`Node ${process.version}, SDK ${VERSION}, ${cpus().length} x ${cpus()[0]?.model}`);
for (const [title, { plain, inspected }] of Object.entries(pipelines)) {
  const measured = await interleave(
    {
      without: { run: plain, expected: 20_000, prepare: () => connect() },
      detached: { run: inspected, expected: 20_000, prepare: () => connect() },
      attached: reporting(false, inspected),
      'with content': reporting(true, inspected),
    },
    ROUNDS,
    WARM_UP,
  );
  const medians = measured.map(({ cpu }) => median(cpu));
  const ratios = medians.map((time) => time / medians[0]!);
  console.log(`\n${title}`);
  measured.forEach(({ name }, index) => {
    const time = medians[index]!.toFixed(1).padStart(6);
    console.log(`  ${name.padEnd(14)}${time} ms of CPU, ${ratios[index]!.toFixed(2)} of without`);
  });
  const [, detached, attached] = ratios;
  if (detached! > MOST.detached || attached! > MOST.attached) process.exitCode = 1;
}
child.kill();
