// The real CLI with a MessagesServer as its API: loopback only, each run in a scratch folder.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import {
  type BetaStreamEvent,
  MessageBuilder,
  type MessageOf,
  type MessageStreamError,
} from 'claude-rx';
import { type AgentMessage, streamEvents } from 'claude-rx/agent';
import { type ClaudeCodeOptions, fromClaudeCode } from 'claude-rx/node';
import { MessagesServer, type ReceivedRequest, type Reply } from 'claude-rx/testing';
import { tap } from 'rxjs';
import { afterEach, expect } from 'vitest';

/** The CLI that the Agent SDK brings along. */
const sdk = createRequire(import.meta.url).resolve('@anthropic-ai/claude-agent-sdk');
export const cli: string = join(
  dirname(sdk),
  `../claude-agent-sdk-${process.platform}-${process.arch}/claude`,
);

/** What the CLI asks for: by this, and not by the order, the server knows what to answer. */
interface Asked {
  /** How many replies of Claude are in the conversation. */
  turn: number;
  /** How often this turn has been asked for before. */
  attempt: number;
  isSubagent: boolean;
  stream: boolean;
  model: string;
}

export type Script = (asked: Asked) => Reply | undefined;

/** What subagents are asked to do in these tests. */
export const SUBTASK = 'SUBTASK: look around';

export interface Scratch {
  readonly server: MessagesServer;
  readonly env: Record<string, string | undefined>;
  /** The folder to work in. */
  readonly cwd: string;
  readonly home: string;
}

const scratches: Scratch[] = [];

/** A home of its own, a folder to work in, and an API that answers by the script. */
export async function scratch(script: Script): Promise<Scratch> {
  const home = mkdtempSync(join(tmpdir(), 'claude-rx-cli-'));
  const cwd = join(home, 'project');
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'a.txt'), 'one\ntwo\n');
  const server = await MessagesServer.start();
  const attempts = new Map<string, number>();
  server.handle((request) => {
    const asked = askedBy(request, attempts);
    return (asked && script(asked)) ?? idle();
  });
  // No key, proxy or setting of this machine.
  const foreign = Object.keys(process.env).filter((name) =>
    /^(ANTHROPIC|CLAUDE)|proxy$/i.test(name),
  );
  const env = {
    ...Object.fromEntries(foreign.map((name) => [name, undefined])),
    HOME: home,
    CLAUDE_CONFIG_DIR: join(home, '.claude'),
    ANTHROPIC_BASE_URL: server.url,
    ANTHROPIC_API_KEY: 'sk-ant-made-up',
    CLAUDE_CODE_MAX_RETRIES: '2',
    DISABLE_TELEMETRY: '1',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  };
  const made = { server, env, cwd, home };
  scratches.push(made);
  return made;
}

/** Nothing of a run is left: no process, no connection, no folder. */
afterEach(async () => {
  for (const { server, home } of scratches.splice(0)) {
    const deadline = Date.now() + 10_000;
    while (processesOf(home).length > 0 && Date.now() < deadline) await pause(50);
    expect(processesOf(home)).toEqual([]);
    await server.close();
    rmSync(home, { recursive: true, force: true });
  }
});

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** The processes that have this home, found by their environment. */
export function processesOf(home: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      if (!/^\d+$/.test(pid)) return false;
      const isZombie = /\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
      return !isZombie && readFileSync(`/proc/${pid}/environ`).includes(`HOME=${home}\0`);
    } catch {
      return false;
    }
  });
}

let count = 0;
/** An id of its own for each reply. */
export const nextId = (): { id: string } => ({ id: `msg_${++count}` });

const idle = (): Reply => ({
  status: 400,
  body: {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'Not asked in this test.' },
  },
});

function askedBy({ body }: ReceivedRequest, attempts: Map<string, number>): Asked | undefined {
  if (!Array.isArray(body?.messages) || !Array.isArray(body.tools) || body.tools.length === 0)
    return;
  const messages = body.messages as { role: string; content: unknown }[];
  const isSubagent = JSON.stringify(messages[0]?.content).includes(SUBTASK);
  const turn = messages.filter(({ role }) => role === 'assistant').length;
  const key = `${isSubagent} ${messages.length}`;
  const attempt = attempts.get(key) ?? 0;
  attempts.set(key, attempt + 1);
  return { turn, attempt, isSubagent, stream: body.stream === true, model: String(body.model) };
}

export interface Run {
  lines: AgentMessage[];
  events: BetaStreamEvent[];
  /** The messages that stand in the end. */
  messages: MessageOf<BetaStreamEvent>[];
  /** Their text, without those of which nothing stands. */
  texts: string[];
  calls: string[];
  error: MessageStreamError | undefined;
}

export type Level = 'partial' | 'message';

/** Runs the CLI to its end. */
export function run(
  { env, cwd }: Scratch,
  level: Level,
  options: Partial<ClaudeCodeOptions> = {},
): Promise<Run> {
  const given = {
    executable: cli,
    env,
    cwd,
    includePartialMessages: level === 'partial',
    ...(options.prompts$ === undefined && { prompt: 'Do it.' }),
    ...options,
    args: ['--allowedTools', 'Bash', 'Read', 'Edit', 'Task', ...(options.args ?? [])],
  } as ClaudeCodeOptions;
  const lines: AgentMessage[] = [];
  const events: BetaStreamEvent[] = [];
  return new Promise((resolve) => {
    const end = (error?: MessageStreamError) => resolve(seen(lines, events, error));
    fromClaudeCode(given)
      .pipe(
        tap((line) => lines.push(line)),
        streamEvents(),
      )
      .subscribe({ next: (event) => events.push(event), error: end, complete: () => end() });
  });
}

export function seen(
  lines: AgentMessage[],
  events: BetaStreamEvent[],
  error?: MessageStreamError,
): Run {
  const messages: MessageOf<BetaStreamEvent>[] = [];
  const builder = new MessageBuilder<BetaStreamEvent>();
  for (const event of events) {
    if (event.type === 'message_start' && builder.message) messages.push(builder.message);
    builder.push(event);
  }
  if (builder.message) messages.push(builder.message);
  const content = messages.flatMap((message) => message.content);
  const textOf = ({ content: own }: MessageOf<BetaStreamEvent>) =>
    own.map((block) => (block.type === 'text' ? block.text : '')).join('');
  return {
    lines,
    events,
    messages,
    texts: messages.map(textOf).filter((text) => text !== ''),
    calls: content.flatMap((block) => (block.type === 'tool_use' ? [block.name] : [])),
    error,
  };
}
