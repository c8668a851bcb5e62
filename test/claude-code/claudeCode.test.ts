// The matrix: what streamEvents gives of the real CLI, with partial messages and without.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type BetaStreamEvent, type StreamEvent, toolUses, Valve } from 'claude-rx';
import { type AgentMessage, fromAgent, streamEvents } from 'claude-rx/agent';
import { type ClaudeCodeInput, fromClaudeCode } from 'claude-rx/node';
import { type Fault, messageEvents, type Reply } from 'claude-rx/testing';
import { query } from '@anthropic-ai/claude-agent-sdk';
import { from, lastValueFrom, map, Subject, tap, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  cli,
  type Level,
  nextId,
  pause,
  processesOf,
  run,
  type Run,
  scratch,
  type Scratch,
  type Script,
  seen,
  SUBTASK,
} from './realCli.ts';

const say = (text: string) => messageEvents.text(text, { chunk: 4 }).with(nextId());
const bash = (id: string, command: string) => ({ id, name: 'Bash', input: { command } });
const use = (text: string, ...calls: { id: string; name: string; input: object }[]) =>
  calls
    .reduce(
      (reply, { id, name, input }) => reply.toolUse(name, input as never, { id, chunk: 4 }),
      messageEvents.text(text, { chunk: 4 }),
    )
    .with(nextId());
/** A reply whose connection is lost before its event `at`, or that has another fault there. */
const cut = (events: Iterable<StreamEvent>, at: number, kind: 'fin' | 'error' = 'fin'): Reply => ({
  events,
  pace: 5,
  // The CLI must have read what was sent before, also on a busy machine.
  fault: { kind, beforeEvent: at, ...(kind === 'fin' && { delay: 500 }) } as Fault,
});
const httpError = (status: number, type: string): Reply => ({
  status,
  body: { type: 'error', error: { type, message: 'Made up.' } },
});
const second = () => say('The second try is whole.');

const levels: Level[] = ['partial', 'message'];

interface Row {
  name: string;
  script: Script;
  texts: string[];
  calls?: string[];
  /** The reasons of all replies that have one. */
  stops: string[];
  /** Where complete messages tell fewer of them. */
  messageStops?: string[];
  code?: string;
  args?: string[];
  more?: (run: Run, level: Level, scratch: Scratch) => void;
}

const rows: Row[] = [
  {
    name: 'text',
    script: () => say('Hello Wörld 👩‍👩‍👧 done.'),
    texts: ['Hello Wörld 👩‍👩‍👧 done.'],
    stops: ['end_turn'],
    more: ({ lines }) =>
      expect(lines[0]).toMatchObject({ subtype: 'init', claude_code_version: '2.1.332' }),
  },
  {
    name: 'thinking',
    script: () =>
      messageEvents.thinking('Which one?', { chunk: 4 }).text('This one.').with(nextId()),
    texts: ['This one.'],
    stops: ['end_turn'],
    more: ({ messages }) =>
      expect(messages[0]?.content[0]).toMatchObject({ type: 'thinking', thinking: 'Which one?' }),
  },
  {
    name: 'tools',
    script: ({ turn }) => {
      if (turn === 0) return use('I look. ', bash('toolu_a', 'cat a.txt'), bash('toolu_b', 'pwd'));
      const input = { file_path: 'a.txt', old_string: 'one', new_string: 'uno' };
      const read = { id: 'toolu_c', name: 'Read', input: { file_path: 'a.txt' } };
      if (turn === 1) return use('I read. ', read);
      if (turn === 2) return use('I edit. ', { id: 'toolu_d', name: 'Edit', input });
      return say('All done.');
    },
    texts: ['I look. ', 'I read. ', 'I edit. ', 'All done.'],
    calls: ['Bash', 'Bash', 'Read', 'Edit'],
    stops: ['tool_use', 'tool_use', 'tool_use', 'end_turn'],
    more: ({ messages }, _, { cwd }) => {
      expect(readFileSync(join(cwd, 'a.txt'), 'utf8')).toBe('uno\ntwo\n');
      expect(messages[2]?.content[1]).toMatchObject({ input: { replace_all: false } });
    },
  },
  {
    name: 'a subagent, its text forwarded',
    args: ['--forward-subagent-text'],
    script: ({ isSubagent, turn }) => {
      if (isSubagent)
        return turn === 0 ? use('Sub looks. ', bash('toolu_s', 'echo sub')) : say('Sub is done.');
      const input = {
        description: 'Look',
        prompt: SUBTASK,
        subagent_type: 'general-purpose',
        run_in_background: false,
      };
      return turn === 0
        ? use('I delegate. ', { id: 'toolu_t', name: 'Task', input })
        : say('All done.');
    },
    texts: ['I delegate. ', 'All done.'],
    calls: ['Task'],
    stops: ['tool_use', 'end_turn'],
    more: ({ lines }) => {
      const events: BetaStreamEvent[] = [];
      from(lines)
        .pipe(streamEvents({ parent: 'toolu_t' }))
        .subscribe((event) => events.push(event));
      const { texts, calls } = seen([], events);
      expect([texts, calls]).toEqual([['Sub looks. ', 'Sub is done.'], ['Bash']]);
    },
  },
  {
    name: 'a subagent in the background',
    script: ({ isSubagent, turn }) => {
      if (isSubagent)
        return turn === 0 ? use('Sub looks. ', bash('toolu_s', 'echo sub')) : say('Sub is done.');
      const input = { description: 'Look', prompt: SUBTASK, subagent_type: 'general-purpose' };
      return turn === 0
        ? use('I delegate. ', { id: 'toolu_t', name: 'Task', input })
        : say(`Answer ${turn}.`);
    },
    texts: ['I delegate. ', 'Answer 1.', 'Answer 2.'],
    calls: ['Task'],
    stops: ['tool_use', 'end_turn', 'end_turn'],
    // The result of the first turn comes when the second is over.
    messageStops: ['tool_use', 'end_turn'],
  },
  {
    name: '529 twice',
    script: ({ attempt }) =>
      attempt < 2 ? httpError(529, 'overloaded_error') : say('After retries.'),
    texts: ['After retries.'],
    stops: ['end_turn'],
    more: ({ events }) =>
      expect(events.filter(({ type }) => type === 'notice')).toMatchObject([
        { kind: 'api_retry', error: 'overloaded' },
        { kind: 'api_retry', error: 'overloaded' },
      ]),
  },
  {
    name: 'cut off in the first block',
    script: ({ attempt }) => (attempt === 0 ? cut(say('The first try is cut.'), 4) : second()),
    texts: ['The second try is whole.'],
    stops: ['end_turn'],
  },
  {
    name: 'cut off after a complete block',
    script: ({ turn, attempt }) =>
      turn === 0 && attempt === 0
        ? cut(
            messageEvents
              .text('Block one. ', { chunk: 20 })
              .text('Block two.', { chunk: 2 })
              .with(nextId()),
            6,
          )
        : second(),
    texts: ['Block one. ', 'The second try is whole.'],
    stops: ['end_turn'],
  },
  {
    name: 'cut off after a call',
    script: ({ turn }) =>
      turn === 0
        ? cut(
            messageEvents
              .text('I call. ', { chunk: 20 })
              .toolUse('Bash', { command: 'echo one' }, { id: 'toolu_c', chunk: 40 })
              .text('More', { chunk: 1 })
              .with(nextId()),
            9,
          )
        : second(),
    texts: ['I call. ', 'The second try is whole.'],
    calls: ['Bash'],
    stops: ['end_turn'],
  },
  {
    name: 'an error event in the text',
    script: ({ attempt }) =>
      attempt === 0 ? cut(say('The first try is cut.'), 4, 'error') : second(),
    texts: ['The second try is whole.'],
    stops: ['end_turn'],
  },
  {
    name: 'cut off on every attempt',
    script: () => cut(say('Always cut in the text.'), 4),
    texts: [],
    stops: [],
    code: 'connection',
    more: ({ error }, level) => {
      if (level === 'partial')
        expect(error?.partial?.content).toMatchObject([{ text: 'Always c' }]);
    },
  },
  {
    name: 'a refusal on every attempt',
    script: () =>
      messageEvents.text('I start but ', { chunk: 4 }).with({ ...nextId(), stopReason: 'refusal' }),
    texts: [],
    stops: [],
    code: 'refusal',
    more: ({ messages }) => expect(messages.at(-1)).toMatchObject({ stop_reason: 'refusal' }),
  },
  {
    name: 'HTTP 400',
    script: () => httpError(400, 'invalid_request_error'),
    texts: [],
    stops: [],
    code: 'request',
    more: ({ error }) => expect(error?.errorType).toBe('invalid_request_error'),
  },
];

beforeAll(() => {
  expect(execFileSync(cli, ['--version'], { encoding: 'utf8' })).toContain('2.1.332');
});

const callsOf = (events: BetaStreamEvent[]) =>
  lastValueFrom(
    from(events).pipe(
      toolUses(),
      map(({ name }) => name),
      toArray(),
    ),
  );

describe.each(levels)('the CLI with %s messages', (level) => {
  it.each(rows)('$name', async (row) => {
    const made = await scratch(row.script);
    const own = await run(made, level, row.args ? { args: row.args } : {});
    expect(own.error?.code).toBe(row.code);
    // A refusal may be asked again, by a number of times that is the CLI's.
    if (row.code !== 'refusal') {
      expect(own.texts).toEqual(row.texts);
      const stops = own.messages.flatMap(({ stop_reason }) => stop_reason ?? []);
      expect(stops).toEqual((level === 'message' && row.messageStops) || row.stops);
    }
    expect(await callsOf(own.events)).toEqual(row.calls ?? []);
    expect(JSON.stringify(own.messages)).not.toContain('API Error');
    row.more?.(own, level, made);
  });

  it('an interrupt, and another prompt', async () => {
    const made = await scratch(({ turn }) =>
      turn === 0
        ? { events: say('A long reply that is interrupted in the middle.'), pace: 300 }
        : say('The second answer.'),
    );
    const prompts$ = new Subject<ClaudeCodeInput>();
    const request = {
      type: 'control_request',
      request_id: 'r1',
      request: { subtype: 'interrupt' },
    };
    const running = run(made, level, { prompts$, allowErrorResult: true });
    prompts$.next('Do it.');
    while (!made.server.requests.some(({ eventsSent }) => eventsSent > 5)) await pause(20);
    prompts$.next(request);
    await pause(1_000);
    prompts$.next('Once more.');
    prompts$.complete();
    const { texts, messages, error } = await running;
    expect(error).toBeUndefined();
    expect(texts.at(-1)).toBe('The second answer.');
    expect(messages.flatMap(({ stop_reason }) => stop_reason ?? [])).toEqual(['end_turn']);
    if (level === 'partial') expect('A long reply that is interrupted').toContain(texts[0]);
  });

  it('a session that is resumed', async () => {
    const made = await scratch(({ turn }) => say(`Answer ${turn}.`));
    const first = await run(made, level);
    const { session_id } = first.lines[0]!;
    const next = await run(made, level, { args: ['--resume', String(session_id)] });
    expect([first.texts, next.texts]).toEqual([['Answer 0.'], ['Answer 1.']]);
  });
});

/** A command with a grandchild. */
const BUSY = '(sleep 300 & echo sub; wait) ; sleep 300';

describe('the processes of the CLI', () => {
  const busy = () =>
    scratch(({ turn }) => (turn === 0 ? use('I wait. ', bash('toolu_a', BUSY)) : say('No.')));
  async function started(killAfter: number) {
    const made = await busy();
    const { env, cwd, home } = made;
    let error: unknown;
    const args = ['--allowedTools', 'Bash'];
    const subscription = fromClaudeCode({
      prompt: 'Do it.',
      executable: cli,
      env,
      cwd,
      args,
      killAfter,
    }).subscribe({
      error: (thrown) => (error = thrown),
    });
    const commandOf = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    const find = (start: string) =>
      processesOf(home).find((pid) => commandOf(pid).startsWith(start));
    // The command of the Bash tool runs, in a session of its own.
    while (find('sleep') === undefined) await pause(50);
    return { subscription, home, cli: find(cli)!, failure: () => error };
  }
  const gone = async (home: string, ms: number) => {
    const deadline = Date.now() + ms;
    while (processesOf(home).length > 0 && Date.now() < deadline) await pause(20);
    return processesOf(home);
  };

  it.each([5_000, 0])('end on unsubscribe, with killAfter: %i', async (killAfter) => {
    const { subscription, home } = await started(killAfter);
    subscription.unsubscribe();
    expect(await gone(home, killAfter + 3_000)).toEqual([]);
  });

  it('end when another process kills the CLI', async () => {
    const { home, cli: pid, failure } = await started(500);
    process.kill(Number(pid), 'SIGKILL');
    while (failure() === undefined) await pause(20);
    expect(await gone(home, 4_000)).toEqual([]);
    expect(failure()).toMatchObject({ code: 'connection' });
  });

  it('wait while a slow reader is behind', async () => {
    const text = 'A line of the long reply. '.repeat(20_000);
    const made = await scratch(() => messageEvents.text(text, { chunk: 26 }).with(nextId()));
    const { env, cwd } = made;
    const valve = new Valve({ highWaterMark: 64 });
    let depth = 0;
    let characters = 0;
    const messages = fromClaudeCode({
      prompt: 'Do it.',
      executable: cli,
      env,
      cwd,
      valve,
      includePartialMessages: true,
    });
    await new Promise<void>((resolve, reject) => {
      messages
        .pipe(
          tap(() => (depth = Math.max(depth, valve.depth))),
          valve.concatMap((message: AgentMessage) => {
            const event = message.type === 'stream_event' ? message.event : undefined;
            if (event?.type !== 'content_block_delta' || event.delta.type !== 'text_delta')
              return [];
            characters += event.delta.text.length;
            return characters % 2_600 === 0 ? pause(1) : [];
          }),
        )
        .subscribe({ error: reject, complete: resolve });
    });
    expect(characters).toBe(text.length);
    expect(depth).toBeLessThan(2_000);
  });
});

describe('the Agent SDK', () => {
  it.each([true, false])(
    'emits the text (includePartialMessages: %s)',
    async (includePartialMessages) => {
      const { env, cwd } = await scratch(() => say('Hello from the SDK.'));
      const options = { env: { ...process.env, ...env }, cwd, includePartialMessages };
      const events = await lastValueFrom(
        fromAgent(() => query({ prompt: 'Do it.', options })).pipe(streamEvents(), toArray()),
      );
      expect(seen([], events).texts).toEqual(['Hello from the SDK.']);
    },
  );

  it('leaves no process on unsubscribe', async () => {
    const { env, cwd, home } = await scratch(({ turn }) =>
      turn === 0 ? use('I wait. ', bash('toolu_a', BUSY)) : say('No.'),
    );
    const options = { env: { ...process.env, ...env }, cwd, allowedTools: ['Bash'] };
    const subscription = fromAgent(() => query({ prompt: 'Do it.', options })).subscribe();
    while (processesOf(home).length < 3) await pause(50);
    subscription.unsubscribe();
    const deadline = Date.now() + 8_000;
    while (processesOf(home).length > 0 && Date.now() < deadline) await pause(50);
    expect(processesOf(home)).toEqual([]);
  });
});
