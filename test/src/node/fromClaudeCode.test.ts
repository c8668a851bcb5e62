import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { textOnly, Valve } from 'claude-rx';
import { type AgentMessage, streamEvents, agentState } from 'claude-rx/agent';
import { ClaudeCodeExit, type ClaudeCodeOptions, fromClaudeCode } from 'claude-rx/node';
import {
  concat,
  finalize,
  last,
  lastValueFrom,
  map,
  NEVER,
  of,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  errorResult,
  init,
  reply,
  result,
  text,
  thinking,
  toolResult,
  toolUse,
} from '../../agent/messages.ts';
import { isRunning, linesOf, type StandIn, standIn, type Step } from '../../agent/standIn.ts';
import { failure, received, until } from '../../support/server.ts';

const said = text('Grüße, 世界 🌥️: a long enough text.');
const turn = (level: 'partial' | 'complete'): AgentMessage[] => [
  init(),
  ...reply(
    { id: 'msg_1', blocks: [thinking('hm'), toolUse('toolu_1')], stopReason: 'tool_use' },
    level,
  ),
  toolResult('toolu_1'),
  ...reply({ id: 'msg_2', blocks: [said] }, level),
  result(),
];
const whole = turn('complete');

const run = (stand: StandIn, options: Partial<ClaudeCodeOptions> = {}) => {
  const { executable, env } = stand;
  const given = { executable, killAfter: 2_000, ...options, env: { ...env, ...options.env } };
  const prompt = options.prompts$ === undefined ? { prompt: options.prompt ?? 'Hi' } : {};
  return fromClaudeCode({ ...given, ...prompt } as ClaudeCodeOptions);
};
const textOf = async (stand: StandIn, options: Partial<ClaudeCodeOptions> = {}) =>
  (await received(run(stand, options).pipe(streamEvents(), textOnly()))).join('');

describe('fromClaudeCode', () => {
  it('emits the messages of the CLI, and completes when the process has ended', async () => {
    const stand = standIn(linesOf(whole));
    expect(await received(run(stand))).toEqual(whole);
    expect(stand.log[0]?.argv?.join(' ')).toBe(
      '-p --output-format stream-json --input-format stream-json --verbose',
    );
  });

  it('emits the same text with and without partial messages, each character once', async () => {
    const words = said.type === 'text' && said.text;
    expect(await textOf(standIn(linesOf(turn('complete'))))).toBe(words);
    const stand = standIn(linesOf(turn('partial')));
    expect(await textOf(stand, { includePartialMessages: true })).toBe(words);
    expect(stand.log[0]?.argv).toContain('--include-partial-messages');
  });

  it('passes prompt, arguments, folder and environment to the process', async () => {
    const stand = standIn(linesOf(whole));
    process.env['MARK'] = 'of this process';
    await received(
      run(stand, { prompt: 'Grüße\n"you"', args: ['--model', 'opus'], cwd: tmpdir() }),
    );
    expect(stand.log[0]).toMatchObject({ cwd: tmpdir(), mark: 'of this process' });
    expect(stand.log[0]?.argv?.slice(-2)).toEqual(['--model', 'opus']);
    expect(stand.log[1]?.received?.message.content).toEqual([
      { type: 'text', text: 'Grüße\n"you"' },
    ]);
    const other = standIn(linesOf(whole));
    await received(run(other, { env: { MARK: undefined } }));
    expect(other.log[0]?.mark).toBeUndefined();
    delete process.env['MARK'];
  });

  it('runs a process for each subscription', async () => {
    const stand = standIn(linesOf(whole));
    const agent = run(stand);
    expect(stand.log).toEqual([]);
    await received(agent);
    await received(agent);
    expect(new Set(stand.log.flatMap(({ pid }) => pid ?? [])).size).toBe(2);
  });

  it('skips lines that are not messages, and emits messages of unknown types', async () => {
    const odd = { type: 'telemetry', value: 1 } as unknown as AgentMessage;
    const garbage = [
      '',
      'npm warn deprecated',
      '{"type":',
      '[]',
      'null',
      '{"a":1}',
      '"x"',
      '\u0000{}',
      '{}',
    ];
    const steps = [...whole, odd].flatMap((message): Step[] => [
      ...garbage.map((line) => ({ line })),
      { line: `${JSON.stringify(message)}\r` },
    ]);
    expect(await received(run(standIn(steps)))).toEqual([...whole, odd]);
  });

  it('reads a last line without a line break', async () => {
    const steps: Step[] = [...linesOf(whole.slice(0, -1)), { raw: JSON.stringify(whole.at(-1)) }];
    expect(await received(run(standIn(steps)))).toEqual(whole);
  });

  it('reads lines that are cut anywhere', async () => {
    const steps = whole.map((message, index): Step => ({
      cut: [JSON.stringify(message), index + 1],
    }));
    expect(await received(run(standIn(steps)))).toEqual(whole);
  });

  it('refuses a line that is longer than maxLineLength', async () => {
    const error = await failure(run(standIn(linesOf(whole)), { maxLineLength: 300 }));
    expect(error).toMatchObject({
      code: 'protocol',
      message: expect.stringContaining('300 bytes'),
    });
  });
});

describe('fromClaudeCode when the process fails', () => {
  it.each(whole.map((_, index) => index))(
    'reports a kill -9 after line %i, with the reply so far',
    async (index) => {
      const seen: AgentMessage[] = [];
      const steps: Step[] = [...linesOf(whole.slice(0, index)), { kill: 'SIGKILL' }];
      const agent = run(standIn(steps)).pipe(map((message) => seen.push(message)));
      const error = await failure(agent);
      expect(error).toMatchObject({
        code: 'connection',
        retryable: true,
        message: expect.stringContaining('SIGKILL'),
        cause: { exitCode: null, signal: 'SIGKILL' },
      });
      expect(seen).toHaveLength(index);
      const arrived = whole.slice(0, index).findLast(({ type }) => type === 'assistant');
      expect(error.partial?.id).toBe(
        arrived?.type === 'assistant' ? arrived.message.id : undefined,
      );
    },
  );

  it('reports an exit code with the end of the standard error', async () => {
    const heard: string[] = [];
    const steps: Step[] = [
      ...linesOf(whole.slice(0, 3)),
      { line: 'not logged in' },
      { stderr: `${'long '.repeat(5_000)}\n` },
      { stderr: 'boom 💥\n' },
      { exit: 3 },
    ];
    const error = await failure(run(standIn(steps), { onStderr: (said) => heard.push(said) }));
    expect(error).toMatchObject({ code: 'unknown', retryable: false });
    expect(error.message).toMatch(/exit code 3: [^]*boom 💥$/);
    expect(error.message.length).toBeLessThan(5_000);
    expect(error.cause).toBeInstanceOf(ClaudeCodeExit);
    expect(error.cause).toMatchObject({ exitCode: 3, signal: null });
    expect(error.partial?.content).toHaveLength(2);
    expect(heard.join('')).toMatch(/^long [^]*boom 💥\n$/);
  });

  it('quotes output that was not a message', async () => {
    const error = await failure(run(standIn([{ line: 'Invalid API key' }, { exit: 1 }])));
    expect(error.message).toContain('exit code 1: Invalid API key');
  });

  it('errors with code truncated if it exits with code 0 without a result', async () => {
    const error = await failure(run(standIn(linesOf(whole.slice(0, -1)))));
    expect(error).toMatchObject({
      code: 'truncated',
      retryable: true,
      partial: { content: [said] },
    });
    expect(await failure(run(standIn([])))).toMatchObject({ code: 'truncated' });
  });

  it('reports an exit code after a successful result', async () => {
    const error = await failure(run(standIn([...linesOf(whole), { exit: 7 }])));
    expect(error).toMatchObject({ code: 'unknown', cause: { exitCode: 7 } });
  });

  it('reports an executable or a folder that does not exist', async () => {
    const missing = fromClaudeCode({ prompt: 'Hi', executable: '/no/claude' });
    expect(await failure(missing)).toMatchObject({
      code: 'request',
      retryable: false,
      message: expect.stringContaining('no executable /no/claude'),
      cause: { code: 'ENOENT' },
    });
    const nowhere = run(standIn([]), { cwd: '/no/such/folder' });
    expect((await failure(nowhere)).message).toContain('the folder /no/such/folder does not exist');
  });

  it('reports an executable that may not be run, and one that the system refuses', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'claude-rx-'));
    const file = join(folder, 'claude');
    writeFileSync(file, 'not a program');
    chmodSync(file, 0o644);
    const error = await failure(fromClaudeCode({ prompt: 'Hi', executable: file }));
    expect(error).toMatchObject({ code: 'request', cause: { code: 'EACCES' } });
    const odd = await failure(fromClaudeCode({ prompt: 'Hi', executable: 'a\0b' }));
    expect(odd).toMatchObject({ code: 'request' });
    rmSync(folder, { recursive: true });
  });

  it('reports an error result, after the message, and ends the process', async () => {
    const end = errorResult('error_max_turns');
    const stand = standIn([...linesOf([...whole.slice(0, 3), end]), { hang: true }]);
    const seen: AgentMessage[] = [];
    const error = await failure(run(stand).pipe(map((message) => seen.push(message))));
    expect(error).toMatchObject({ code: 'request', errorType: 'error_max_turns', cause: end });
    expect(seen).toHaveLength(4);
    await until(() => !isRunning(stand.log[0]!.pid!));
  });

  it('completes after an allowed error result with its exit code', async () => {
    const messages = [...whole.slice(0, 3), errorResult('error_max_turns')];
    const stand = standIn([...linesOf(messages), { exit: 1 }]);
    expect(await received(run(stand, { allowErrorResult: true }))).toEqual(messages);
  });

  it('does not wait for a background process that keeps the output open', async () => {
    const stand = standIn([{ child: 3 }, ...linesOf(whole), { exit: 0 }]);
    expect(await received(run(stand))).toEqual(whole);
    // It was left to itself: it may be what the session was to leave behind.
    const child = stand.log.findLast(({ pid }) => pid !== undefined)!.pid!;
    expect(isRunning(child)).toBe(true);
  });

  it('completes after exitTimeout if the process does not exit after the last result', async () => {
    const stand = standIn(linesOf(whole), [...linesOf(whole), { hang: true }]);
    const prompts$ = of('One', 'Two');
    const messages = await received(run(stand, { prompts$, exitTimeout: 100 }));
    expect(messages).toEqual([...whole, ...whole]);
    await until(() => !isRunning(stand.log[0]!.pid!));
  });

  it('does not treat a result as the last one while turns are queued', async () => {
    const first = [...whole.slice(0, -1), result({ queued_turn_count: 1 })];
    const stand = standIn([...linesOf(first), { wait: 300 }, ...linesOf(whole)]);
    expect(await received(run(stand, { exitTimeout: 100 }))).toEqual([...first, ...whole]);
  });

  it('waits for the end of a process with exitTimeout: Infinity', async () => {
    const stand = standIn([...linesOf(whole), { wait: 300 }, { exit: 3 }]);
    const error = await failure(run(stand, { exitTimeout: Infinity }));
    expect(error).toMatchObject({ code: 'unknown', cause: { exitCode: 3 } });
  });

  it('refuses options that are not valid, when it is called', () => {
    const odd = [
      {},
      { prompt: 'Hi', prompts$: of('Hi') },
      { prompt: 1 },
      { prompt: 'Hi', executable: [] },
      { prompt: 'Hi', executable: '' },
      { prompt: 'Hi', killAfter: -1 },
      { prompt: 'Hi', killAfter: Infinity },
      { prompt: 'Hi', exitTimeout: -1 },
      { prompt: 'Hi', maxLineLength: Number.NaN },
    ];
    for (const options of odd) {
      expect(() => fromClaudeCode(options as never)).toThrow(TypeError);
    }
  });
});

describe('fromClaudeCode when it is unsubscribed', () => {
  it('ends the process at once, also while it is silent', async () => {
    const stand = standIn([...linesOf(whole.slice(0, 2)), { hang: true }]);
    let count = 0;
    const subscription = run(stand, { killAfter: 60_000 }).subscribe(() => count++);
    await until(() => count === 2);
    subscription.unsubscribe();
    await until(() => !isRunning(stand.log[0]!.pid!));
  });

  it('ends the process when unsubscribed before the first line', async () => {
    const stand = standIn([{ hang: true }]);
    run(stand).subscribe().unsubscribe();
    const subscription = run(stand).subscribe();
    await until(() => stand.log.length > 0);
    subscription.unsubscribe();
  });

  it('emits nothing more inside a chunk', async () => {
    const steps = [
      {
        raw: linesOf(whole)
          .map((step) => `${'line' in step && step.line}\n`)
          .join(''),
      },
    ];
    expect(await received(run(standIn(steps)).pipe(take(3)))).toEqual(whole.slice(0, 3));
  });

  it('kills a process that ignores SIGTERM, after killAfter', async () => {
    const stand = standIn([{ ignoreTerm: true }, ...linesOf(whole.slice(0, 1)), { hang: true }]);
    let count = 0;
    const subscription = run(stand, { killAfter: 300 }).subscribe(() => count++);
    await until(() => count === 1);
    subscription.unsubscribe();
    await until(() => stand.log.includes('SIGTERM' as never));
    expect(isRunning(stand.log[0]!.pid!)).toBe(true);
    await until(() => !isRunning(stand.log[0]!.pid!));
  });

  it('kills child processes that ignore SIGTERM', async () => {
    const stand = standIn([{ child: 600 }, ...linesOf(whole.slice(0, 1)), { hang: true }]);
    let count = 0;
    const subscription = run(stand, { killAfter: 100 }).subscribe(() => count++);
    await until(() => count === 1);
    const pids = stand.log.flatMap(({ pid }) => pid ?? []);
    expect(pids).toHaveLength(3);
    expect(pids.every(isRunning)).toBe(true);
    subscription.unsubscribe();
    await until(() => !pids.some(isRunning));
  });

  it.each([
    ['that heed SIGTERM', 60_000, false],
    ['that do not', 100, true],
    ['with killAfter: 0', 0, true],
  ])('ends commands in separate sessions, %s', async (_, killAfter, ignoresTerm) => {
    const line = linesOf(whole.slice(0, 1));
    const stand = standIn([{ session: [600, ignoresTerm] }, ...line, { hang: true }]);
    let count = 0;
    const subscription = run(stand, { killAfter }).subscribe(() => count++);
    await until(() => count === 1);
    const pids = stand.log.flatMap(({ pid }) => pid ?? []);
    expect(pids).toHaveLength(4);
    expect(pids.every(isRunning)).toBe(true);
    subscription.unsubscribe();
    await until(() => !pids.some(isRunning));
  });

  it('ends such commands when another process has killed the CLI', async () => {
    const stand = standIn([{ session: [600, true] }, { kill: 'SIGKILL' }]);
    expect(await failure(run(stand, { killAfter: 50 }))).toMatchObject({ code: 'connection' });
    const pids = stand.log.flatMap(({ pid }) => pid ?? []);
    expect(pids).toHaveLength(4);
    await until(() => !pids.some(isRunning));
  });

  it('kills the remaining processes when another process has killed the CLI', async () => {
    const stand = standIn([{ child: 600 }, { kill: 'SIGKILL' }]);
    expect(await failure(run(stand, { killAfter: 100 }))).toMatchObject({ code: 'connection' });
    const pids = stand.log.flatMap(({ pid }) => pid ?? []);
    await until(() => !pids.some(isRunning));
  });

  it('errors with the reason of a signal, and the reply so far', async () => {
    const stopping = new AbortController();
    const stand = standIn([...linesOf(whole.slice(0, -1)), { hang: true }]);
    const agent = run(stand, { signal: stopping.signal }).pipe(
      map((message) => message.type === 'user' && stopping.abort(new Error('Stop was pressed'))),
    );
    const error = await failure(agent);
    expect(error).toMatchObject({
      code: 'aborted',
      message: expect.stringContaining('Stop was pressed'),
    });
    expect(error.partial?.content).toHaveLength(2);
    await until(() => !isRunning(stand.log[0]!.pid!));
  });
});

describe('fromClaudeCode with several prompts', () => {
  const turns = ['one', 'two', 'three'].map((words, index) => [
    init(),
    ...reply({ id: `msg_${index}`, blocks: [text(words)] }, 'complete'),
    result({ total_cost_usd: index + 1 }),
  ]);

  it('sends each prompt, and ends the session when the prompts complete', async () => {
    const stand = standIn(...turns.map(linesOf));
    const prompts$ = new Subject<string>();
    const seen: AgentMessage[] = [];
    const done = new Promise<void>((resolve, reject) => {
      run(stand, { prompts$ }).subscribe({
        next: (message) => {
          seen.push(message);
          const answered = seen.filter(({ type }) => type === 'result').length;
          if (message.type !== 'result') return;
          if (answered < 3) prompts$.next(`prompt ${answered + 1}`);
          else prompts$.complete();
        },
        error: reject,
        complete: resolve,
      });
    });
    prompts$.next('prompt 1');
    await done;
    expect(seen).toEqual(turns.flat());
    const sent = stand.log.flatMap(({ received }) => received?.message.content ?? []);
    expect(sent).toMatchObject([{ text: 'prompt 1' }, { text: 'prompt 2' }, { text: 'prompt 3' }]);
  });

  it('emits the state of the session over all turns', async () => {
    const stand = standIn(...turns.map(linesOf));
    const states = run(stand, { prompts$: of('a', 'b', 'c') }).pipe(agentState(), last());
    expect(await lastValueFrom(states)).toMatchObject({ status: 'ended', turns: 3, costUsd: 3 });
  });

  it('sends messages of any type unchanged', async () => {
    const stand = standIn(linesOf(turns[0]!));
    const request = { type: 'control_request', request_id: '1', request: { subtype: 'interrupt' } };
    const image = {
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: 'aGk=' },
    };
    const user = {
      type: 'user' as const,
      message: { role: 'user' as const, content: [image as never] },
      parent_tool_use_id: null,
    };
    const seen = await received(run(stand, { prompts$: of(request, user) }));
    expect(stand.log.flatMap(({ received: line }) => line ?? [])).toEqual([request, user]);
    expect(seen[0]?.type).toBe('control_response');
  });

  it('errors with code truncated if the process ends before the prompts, and unsubscribes from them', async () => {
    const stand = standIn([...linesOf(turns[0]!.slice(0, -1)), { exit: 0 }]);
    let isLeft = false;
    const prompts$ = concat(of('a'), NEVER).pipe(finalize(() => (isLeft = true)));
    expect(await failure(run(stand, { prompts$ }))).toMatchObject({ code: 'truncated' });
    expect(isLeft).toBe(true);
  });

  it('fails with an error of the prompts, or an invalid prompt', async () => {
    const mine = new RangeError('mine');
    const failing = concat(
      of('a'),
      throwError(() => mine),
    );
    const stand = standIn([{ hang: true }]);
    expect(await failure(run(stand, { prompts$: failing }))).toMatchObject({
      code: 'unknown',
      cause: mine,
    });
    expect((await failure(run(stand, { prompts$: of<string>(7 as never) }))).message).toContain(
      'not number',
    );
  });

  it('survives a process that does not read the prompts', async () => {
    const stand = standIn([...linesOf(turns[0]!), { exit: 0 }]);
    const prompts$ = concat(of('a'), timer(0, 1).pipe(map(() => 'x'.repeat(100_000))));
    expect(await received(run(stand, { prompts$ }))).toEqual(turns[0]);
  });
});

describe('fromClaudeCode with a valve', () => {
  it('makes the process wait, and loses no message', async () => {
    const COUNT = 2_000;
    const line = { ...init(), number: '#', filling: 'x'.repeat(1_000) };
    const stand = standIn([{ flood: [JSON.stringify(line), COUNT] }, ...linesOf([result()])]);
    const valve = new Valve({ highWaterMark: 8 });
    const release = new Subject<void>();
    const seen: AgentMessage[] = [];
    const done = received(
      run(stand, { valve }).pipe(
        valve.concatMap((message) => {
          seen.push(message);
          return seen.length === 1 ? release : of(message);
        }),
      ),
    );
    await until(() => seen.length === 1);
    const flooded = () => stand.log.findLast((entry) => entry.flooded !== undefined)?.flooded ?? 0;
    let before = -1;
    while (flooded() !== before) {
      before = flooded();
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    // What is in pipes, buffers and one chunk: less than half of it.
    expect(before).toBeLessThan(COUNT / 2);
    expect(valve.isOpen).toBe(false);
    release.complete();
    await done;
    expect(seen).toHaveLength(COUNT + 1);
    expect(seen.slice(0, -1).map((one) => (one as never as { number: number }).number)).toEqual(
      Array.from({ length: COUNT }, (_, index) => index),
    );
    expect(valve.depth).toBe(0);
  });

  it('emits all output of a process that has ended while the valve was closed', async () => {
    const stand = standIn(linesOf(whole));
    const valve = new Valve({ highWaterMark: 1 });
    const slow = valve.concatMap((message: AgentMessage) => timer(100).pipe(map(() => message)));
    expect(await received(run(stand, { valve }).pipe(slow))).toEqual(whole);
  });

  it('ends the process when unsubscribed while the valve is closed', async () => {
    const line = JSON.stringify({ ...init(), filling: 'x'.repeat(1_000) });
    const stand = standIn([{ flood: [line, 2_000] }]);
    const valve = new Valve({ highWaterMark: 2 });
    const subscription = run(stand, { valve })
      .pipe(valve.concatMap(() => NEVER))
      .subscribe();
    await until(() => !valve.isOpen);
    subscription.unsubscribe();
    await until(() => !isRunning(stand.log[0]!.pid!));
    expect(valve.depth).toBe(0);
  });

  describe('whose process does not read its prompts', () => {
    const executable = [process.execPath, '-e', 'setTimeout(() => {}, 60_000)', '--'] as const;
    const long = 'x'.repeat(100_000);

    it('errors when an Observable emits more prompts than may wait', async () => {
      const prompts$ = timer(0, 0).pipe(map(() => long));
      const options = { prompts$, executable, maxUnreadPrompts: 1_000_000, killAfter: 500 };
      const error = await failure(fromClaudeCode(options));
      expect(error).toMatchObject({ code: 'request', retryable: false });
      expect(error.message).toContain('1000000 bytes are waiting (`maxUnreadPrompts`)');
    });

    it.each(['a list', 'an async iterable'])(
      'reads %s no faster than the process reads',
      async (kind) => {
        let asked = 0;
        let hasEnded = false;
        function* list() {
          try {
            for (; ; asked++) yield long;
          } finally {
            hasEnded = true;
          }
        }
        async function* iterable() {
          yield* list();
        }
        const prompts$ = kind === 'a list' ? list() : iterable();
        const running = fromClaudeCode({ prompts$, executable, killAfter: 500 }).subscribe();
        await until(() => asked > 0);
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
        expect(asked).toBeLessThan(10);
        running.unsubscribe();
        await until(() => hasEnded);
      },
    );
  });
});
