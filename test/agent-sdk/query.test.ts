// The real Agent SDK with a stand-in for the CLI, in a process and in this one.
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { query, type SDKMessage, type SpawnedProcess } from '@anthropic-ai/claude-agent-sdk';
import { textOnly } from 'claude-rx';
import { type AgentMessage, fromAgent, streamEvents, agentState } from 'claude-rx/agent';
import { last, lastValueFrom, map } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  complete,
  errorResult,
  init,
  reply,
  result,
  text,
  thinking,
  toolResult,
  toolUse,
} from '../agent/messages.ts';
import { isRunning, linesOf, path, standIn, type Step } from '../agent/standIn.ts';
import { failure, received, until } from '../support/server.ts';

const said = text('Grüße, 世界 🌥️: a text.');
const words = 'Grüße, 世界 🌥️: a text.';
const turn = (level: 'partial' | 'complete'): AgentMessage[] => [
  init(),
  ...reply(
    { id: 'msg_1', blocks: [thinking('hm'), toolUse('toolu_1')], stopReason: 'tool_use' },
    level,
  ),
  complete('msg_9', text('of a subagent'), { parent_tool_use_id: 'toolu_1' }),
  toolResult('toolu_1'),
  ...reply({ id: 'msg_2', blocks: [said] }, level),
  result(),
];

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

/** A query whose CLI is the stand-in, as a process. */
function spawned(steps: Step[], options: { includePartialMessages?: boolean } = {}) {
  const stand = standIn(steps);
  const env = { ...process.env, ...stand.env };
  const own = {
    executable: 'node' as const,
    pathToClaudeCodeExecutable: path,
    env,
    settingSources: [],
  };
  return { stand, start: () => query({ prompt: 'Hi', options: { ...own, ...options } }) };
}

/** A query whose CLI is in this process. */
function inProcess(messages: readonly AgentMessage[]) {
  const log: string[] = [];
  const spawnClaudeCodeProcess = (): SpawnedProcess => {
    const stdin = new PassThrough();
    const stdout = new PassThrough();
    const exit = new EventEmitter();
    const child = {
      stdin,
      stdout,
      killed: false,
      exitCode: null as number | null,
      kill: (signal: string) => {
        log.push(signal);
        child.killed = true;
        end(null, signal);
        return true;
      },
      on: exit.on.bind(exit),
      once: exit.once.bind(exit),
      off: exit.off.bind(exit),
    };
    const end = (code: number | null, signal: string | null) => {
      if (child.exitCode !== null) return;
      child.exitCode = code ?? 0;
      stdout.end();
      exit.emit('exit', code, signal);
    };
    let rest = '';
    stdin.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { type, request_id } = JSON.parse(line);
        log.push(type);
        const answer = { subtype: 'success', request_id, response: { commands: [] } };
        if (type === 'control_request') {
          stdout.write(`${JSON.stringify({ type: 'control_response', response: answer })}\n`);
        }
        if (type !== 'user') continue;
        for (const message of messages) stdout.write(`${JSON.stringify(message)}\n`);
        if (messages.at(-1)?.type === 'result') end(0, null);
      }
    });
    return child as unknown as SpawnedProcess;
  };
  return {
    log,
    start: () =>
      query({
        prompt: 'Hi',
        options: { pathToClaudeCodeExecutable: path, spawnClaudeCodeProcess, settingSources: [] },
      }),
  };
}

const ways = [
  ['a process', (messages: readonly AgentMessage[]) => spawned(linesOf(messages)).start],
  ['this process', (messages: readonly AgentMessage[]) => inProcess(messages).start],
] as const;

describe.each(ways)('fromAgent of a query whose CLI is %s', (_, start) => {
  it.each(['partial', 'complete'] as const)('emits %s messages unchanged', async (level) => {
    expect(await received(fromAgent(start(turn(level))))).toEqual(turn(level).map(withoutUuid));
  });

  it.each(['partial', 'complete'] as const)(
    'emits the same text from %s messages, each character once',
    async (level) => {
      const texts = fromAgent(start(turn(level))).pipe(streamEvents(), textOnly());
      expect((await received(texts)).join('')).toBe(words);
    },
  );

  it('has the text of a subagent, and the state of the session', async () => {
    const agent = fromAgent(start(turn('complete')));
    const texts = agent.pipe(streamEvents({ parent: 'toolu_1' }), textOnly());
    expect(await received(texts)).toEqual(['of a subagent']);
    const state = await lastValueFrom(agent.pipe(agentState(), last()));
    expect(state).toMatchObject({ status: 'ended', turns: 1, costUsd: 0.25, cwd: '/project' });
  });

  it('reports an error result, after the message', async () => {
    const messages = [...turn('complete').slice(0, -1), errorResult('error_max_turns')];
    const seen: SDKMessage[] = [];
    const error = await failure(fromAgent(start(messages)).pipe(map((one) => seen.push(one))));
    expect(error).toMatchObject({ code: 'request', errorType: 'error_max_turns' });
    expect(error.partial?.content).toEqual([said]);
    expect(seen.at(-1)?.type).toBe('result');
  });
});

/** Those of the two runs differ. */
function withoutUuid<M>(message: M): unknown {
  return { ...message, uuid: expect.any(String) };
}

describe('fromAgent of a query with a process', () => {
  it('requests partial messages like the SDK', async () => {
    const { stand, start } = spawned(linesOf(turn('partial')), { includePartialMessages: true });
    await received(fromAgent(start));
    expect(stand.log[0]?.argv).toContain('--include-partial-messages');
  });

  it('reports a kill -9 after every line, with the reply so far', async () => {
    const messages = turn('partial');
    for (let index = 0; index <= messages.length; index++) {
      const steps: Step[] = [...linesOf(messages.slice(0, index)), { kill: 'SIGKILL' }];
      let shown = '';
      const agent = fromAgent(spawned(steps).start).pipe(
        streamEvents(),
        textOnly(),
        map((piece) => (shown += piece)),
      );
      const error = await failure(agent);
      expect(error).toMatchObject({ code: 'connection', retryable: true });
      expect(words.startsWith(shown)).toBe(true);
      const block = error.partial?.content.find(({ type }) => type === 'text');
      expect(block?.type === 'text' ? block.text : '').toBe(shown);
    }
  });

  it('reports an exit code with the standard error output', async () => {
    const steps: Step[] = [
      ...linesOf(turn('complete').slice(0, 2)),
      { stderr: 'boom\n' },
      { exit: 3 },
    ];
    const error = await failure(fromAgent(spawned(steps).start));
    expect(error).toMatchObject({ code: 'unknown', retryable: false });
    expect(error.message).toMatch(/code 3[^]*boom/);
  });

  it('errors with code truncated if it exits with code 0 without a result', async () => {
    const steps: Step[] = [...linesOf(turn('complete').slice(0, -1)), { exit: 0 }];
    const error = await failure(fromAgent(spawned(steps).start));
    expect(error).toMatchObject({ code: 'truncated', partial: { content: [said] } });
  });

  it('skips lines that are not messages', async () => {
    const steps = linesOf(turn('partial')).flatMap((step): Step[] => [{ line: 'npm warn' }, step]);
    const texts = fromAgent(spawned(steps).start).pipe(streamEvents(), textOnly());
    expect((await received(texts)).join('')).toBe(words);
  });

  it('reads lines that are cut at every byte', async () => {
    const steps = turn('partial').map((one): Step => ({ cut: [JSON.stringify(one), 1] }));
    const texts = fromAgent(spawned(steps).start).pipe(streamEvents(), textOnly());
    expect((await received(texts)).join('')).toBe(words);
  });

  it('reports an executable that does not exist', async () => {
    const start = () =>
      query({
        prompt: 'Hi',
        options: { executable: 'node', pathToClaudeCodeExecutable: '/no/claude' },
      });
    expect(await failure(fromAgent(start))).toMatchObject({ code: 'request', retryable: false });
  });

  it('reports that the query was aborted elsewhere', async () => {
    const abortController = new AbortController();
    const stand = standIn([...linesOf(turn('complete').slice(0, 2)), { hang: true }]);
    const env = { ...process.env, ...stand.env };
    const agent = fromAgent(() =>
      query({
        prompt: 'Hi',
        options: { executable: 'node', pathToClaudeCodeExecutable: path, env, abortController },
      }),
    ).pipe(map((message) => message.type === 'assistant' && abortController.abort()));
    expect(await failure(agent)).toMatchObject({ code: 'aborted', retryable: false });
    await until(() => !isRunning(stand.log[0]!.pid!));
  });

  it('ends the process at once when unsubscribed during a stall', async () => {
    const { stand, start } = spawned([...linesOf(turn('complete').slice(0, 2)), { hang: true }]);
    let count = 0;
    const subscription = fromAgent(start).subscribe(() => count++);
    await until(() => count === 2);
    subscription.unsubscribe();
    await until(() => !isRunning(stand.log[0]!.pid!));
  });

  it('takes prompts like the SDK, and ends with them', async () => {
    const stand = standIn(linesOf(turn('complete')), linesOf(turn('complete')));
    const env = { ...process.env, ...stand.env };
    async function* prompts() {
      for (const content of ['one', 'two']) {
        yield {
          type: 'user' as const,
          message: { role: 'user' as const, content },
          parent_tool_use_id: null,
        };
      }
    }
    const options = { executable: 'node' as const, pathToClaudeCodeExecutable: path, env };
    const agent = fromAgent(() => query({ prompt: prompts(), options }));
    const state = await lastValueFrom(agent.pipe(agentState(), last()));
    expect(state).toMatchObject({ status: 'ended', turns: 2 });
  });
});

it('interrupts and kills a CLI in this process on unsubscribe', async () => {
  const { log, start } = inProcess(turn('complete').slice(0, 3));
  let count = 0;
  const subscription = fromAgent(start).subscribe(() => count++);
  await until(() => count === 3);
  subscription.unsubscribe();
  await until(() => log.some((entry) => entry.startsWith('SIG')));
  expect(log).toContain('control_request');
});

it('leaves no process of 200 at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'claude-rx-'));
  const file = join(folder, 'claude');
  const line = JSON.stringify(init());
  const script = `#!/bin/sh\necho $$ >> ${folder}/pids\necho '${line}'\nexec sleep 600\n`;
  writeFileSync(file, script, { mode: 0o755 });
  let count = 0;
  const subscriptions = Array.from({ length: 200 }, () =>
    fromAgent(() =>
      query({ prompt: 'Hi', options: { pathToClaudeCodeExecutable: file } }),
    ).subscribe(() => count++),
  );
  await until(() => count === 200);
  const pids = readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n').map(Number);
  expect(pids.filter(isRunning)).toHaveLength(200);
  for (const subscription of subscriptions) subscription.unsubscribe();
  await until(() => !pids.some(isRunning));
  rmSync(folder, { recursive: true });
});
