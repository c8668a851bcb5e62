// What takes long of fromClaudeCode: many processes, long lines, a kill at every line of a stream.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { textOnly } from 'claude-rx';
import { type AgentMessage, streamEvents } from 'claude-rx/agent';
import { fromClaudeCode } from 'claude-rx/node';
import { map } from 'rxjs';
import { expect, it } from 'vitest';
import { init, reply, result, text, thinking, toolResult, toolUse } from '../agent/messages.ts';
import { isRunning, linesOf, type StandIn, standIn, type Step } from '../agent/standIn.ts';
import { failure, received, until } from '../support/server.ts';

const run = ({ executable, env }: StandIn) => fromClaudeCode({ prompt: 'Hi', executable, env });

const said = text('Grüße, 世界 🌥️: a text.');
const whole: AgentMessage[] = [
  init(),
  ...reply(
    { id: 'msg_1', blocks: [thinking('hm'), toolUse('toolu_1')], stopReason: 'tool_use' },
    'partial',
  ),
  toolResult('toolu_1'),
  ...reply({ id: 'msg_2', blocks: [said] }, 'partial'),
  result(),
];
const words = 'Grüße, 世界 🌥️: a text.';

it('reports a kill -9 at every line of a stream, and keeps each character once', async () => {
  for (let index = 0; index <= whole.length; index++) {
    let seen = 0;
    let shown = '';
    const steps: Step[] = [...linesOf(whole.slice(0, index)), { kill: 'SIGKILL' }];
    const agent = run(standIn(steps)).pipe(
      map((message) => (seen++, message)),
      streamEvents(),
      textOnly(),
      map((piece) => (shown += piece)),
    );
    const error = await failure(agent);
    expect(error).toMatchObject({ code: 'connection', cause: { signal: 'SIGKILL' } });
    expect(seen).toBe(index);
    expect(words.startsWith(shown)).toBe(true);
    const partial = error.partial?.content.find(({ type }) => type === 'text');
    expect(partial?.type === 'text' ? partial.text : '').toBe(shown);
  }
});

it('reads a stream in chunks of any size', async () => {
  const all = whole.map((message) => JSON.stringify(message)).join('\n');
  for (const size of [1, 2, 3, 5, 64, 1_000]) {
    expect(await received(run(standIn([{ cut: [all, size] }])))).toEqual(whole);
  }
});

it('reads a line of 64 MB', async () => {
  const length = 64 * 2 ** 20;
  const empty = JSON.stringify({ ...result(), result: '' });
  const line = empty.replace('"result":""', `"result":"${'x'.repeat(length - empty.length)}"`);
  expect(line).toHaveLength(length);
  const [message] = await received(run(standIn([{ line }])));
  expect(
    message?.type === 'result' && message.subtype === 'success' && message.result,
  ).toHaveLength(length - empty.length);
});

it('leaves no process of 200 at once, half of which ignore SIGTERM', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'claude-rx-'));
  const script = (name: string, trap: string) => {
    const line = JSON.stringify(init());
    const file = join(folder, name);
    writeFileSync(
      file,
      `#!/bin/sh\n${trap}\nsleep 600 &\necho $$ $! >> ${folder}/pids\necho '${line}'\nwait\nsleep 600\n`,
    );
    chmodSync(file, 0o755);
    return file;
  };
  const executables = [script('heedful', ''), script('stubborn', "trap '' TERM")];
  let count = 0;
  const subscriptions = Array.from({ length: 200 }, (_, index) =>
    fromClaudeCode({
      prompt: 'Hi',
      executable: executables[index % 2]!,
      killAfter: 200,
    }).subscribe({
      next: () => count++,
    }),
  );
  await until(() => count === 200);
  const pids = readFileSync(join(folder, 'pids'), 'utf8').trim().split(/\s+/).map(Number);
  expect(pids).toHaveLength(400);
  expect(pids.filter(isRunning)).toHaveLength(400);
  for (const subscription of subscriptions) subscription.unsubscribe();
  await until(() => !pids.some(isRunning));
  expect(process.listenerCount('exit')).toBeLessThan(10);
  rmSync(folder, { recursive: true });
});

it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  'leaves no process when this process is ended by %s',
  async (signal) => {
    const line = linesOf(whole.slice(0, 1));
    const stand = standIn([
      { session: [600, true] },
      { ignoreTerm: true },
      ...line,
      { hang: true },
    ]);
    const path = fileURLToPath(new URL('../agent/runAndHang.ts', import.meta.url));
    const parent = spawn(process.execPath, ['--import', 'tsx', path], {
      env: { ...process.env, ...stand.env, EXECUTABLE: JSON.stringify(stand.executable) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => parent.stdout.once('data', resolve));
    const pids = stand.log.flatMap(({ pid }) => pid ?? []);
    expect(pids).toHaveLength(4);
    expect(pids.every(isRunning)).toBe(true);
    parent.kill(signal);
    // SIGTERM at once, and SIGKILL 5 seconds later.
    await until(() => !pids.some(isRunning));
  },
  30_000,
);
