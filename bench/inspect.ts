// What `inspect` costs for a reply of 20,000 events: without it, with two that nobody is attached to, and
// with two that report to an inspector as `connectInspector` does, whose server is on loopback in another
// process. Each reply is read with the SDK client from memory, in chunks as a socket gives them. The
// contenders take turns in one process; compared are the lower quartiles of their CPU time. Exits with 1
// if attached costs more than three times as much, or detached more than a tenth more. The reply is the
// cheapest that there is.
import { type ChildProcess, spawn } from 'node:child_process';
import Anthropic from '@anthropic-ai/sdk';
import { count, lastValueFrom, type Observable, type Subscription } from 'rxjs';
import { fromMessages, textOnly } from '../src/index.ts';
import { connectInspector, inspect } from '../src/inspect/index.ts';
import { encodeEvent } from '../src/sse/encodeEvent.ts';
import { messageEvents } from '../src/testing/index.ts';
import { interleave, quantile } from './measure.ts';

const EVENTS = 20_000;
const MOST = { detached: 1.1, attached: 3 };
const EVENTS_OF_A_CHUNK = 40;

const text = 'A word or two. '.repeat(EVENTS);
const frames = Array.from(messageEvents.text(text, { chunk: 15 }), (event) => encodeEvent(event));
const encoder = new TextEncoder();
const chunks: Uint8Array[] = [];
for (let index = 0; index < frames.length; index += EVENTS_OF_A_CHUNK) {
  chunks.push(encoder.encode(frames.slice(index, index + EVENTS_OF_A_CHUNK).join('')));
}
const fetch = (): Promise<Response> => {
  let next = 0;
  const body = new ReadableStream({
    pull: (controller) => {
      if (next < chunks.length) controller.enqueue(chunks[next++]);
      else controller.close();
    },
  });
  return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
};
const client = new Anthropic({ apiKey: 'none', fetch, openTelemetry: false });
const params = {
  model: 'claude-opus-5-5',
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: 'Write.' }],
};

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

const { child, url } = await start();
let connected: Subscription | undefined;
const detach = () => {
  connected?.unsubscribe();
  connected = undefined;
};
const read = (reply: Observable<string>) => lastValueFrom(reply.pipe(count()));
const inspected = () =>
  read(fromMessages(client, params).pipe(inspect('api'), textOnly(), inspect<string>('shown')));
const reports = (content: boolean) => ({
  run: inspected,
  expected: EVENTS,
  prepare: () => {
    connected?.unsubscribe();
    connected = connectInspector(url, { content });
  },
});
const measured = await interleave(
  {
    without: {
      run: () => read(fromMessages(client, params).pipe(textOnly())),
      expected: EVENTS,
      prepare: detach,
    },
    detached: { run: inspected, expected: EVENTS, prepare: detach },
    attached: reports(false),
    'with content': reports(true),
  },
  30,
  8,
);
detach();
child.kill();

const quartiles = measured.map(({ cpu }) => quantile(cpu, 0.25));
const ratios = quartiles.map((time) => time / quartiles[0]!);
measured.forEach(({ name }, index) => {
  const time = quartiles[index]!.toFixed(1).padStart(6);
  console.log(`${name.padEnd(14)}${time} ms of CPU, ${ratios[index]!.toFixed(3)} of without`);
});
if (ratios[1]! > MOST.detached || Math.max(...ratios.slice(2)) > MOST.attached) {
  process.exitCode = 1;
}
