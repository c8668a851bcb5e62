import {
  type Approve,
  defineTool,
  type DefinedTool,
  type RunToolsOptions,
  type ToolContext,
} from 'claude-rx/tools';
import {
  asyncScheduler,
  concat,
  delay,
  EMPTY,
  filter,
  ignoreElements,
  map,
  NEVER,
  noop,
  type Observable,
  of,
  throwError,
} from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { after, ANSWER, marble, tool, turns } from './turns.ts';

describe('a tool', () => {
  it(
    'ends after `timeout`, its own instead of that of the loop',
    marble((helpers) => {
      const reasons: unknown[] = [];
      const slow = (_: unknown, { signal }: ToolContext) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return NEVER;
      };
      const tools = [tool('a', slow), tool('b', slow, { timeout: 5 }), after(20, 'c')];
      const run = turns(helpers, ['(ma1Ab2Bc3CxS)', ANSWER], { tools, timeout: 21 });
      const rows = run.timetable();
      helpers.flush();
      expect(rows.slice(3, 7)).toEqual([
        "5 b timeout: Error: 'b' did not finish within 5 ms",
        '20 c done: c',
        "21 a timeout: Error: 'a' did not finish within 21 ms",
        '21 turn 1: continue',
      ]);
      expect(reasons).toMatchObject([{ name: 'TimeoutError' }, { name: 'TimeoutError' }]);
      expect(run.told()).toHaveLength(3);
    }),
  );

  it(
    'has one `timeout` for the check of its input and its run, without the wait for approval',
    marble((helpers) => {
      // No promise: in virtual time none resolves.
      /* oxlint-disable unicorn/no-thenable */
      /** A schema that answers after a while, or never. */
      const slowly = (milliseconds: number) => ({
        '~standard': {
          version: 1 as const,
          vendor: 'test',
          validate: (value: unknown) =>
            ({
              then: (settle: (result: object) => unknown) => ({
                then: (next: (value: unknown) => void) => {
                  const answer = () => next(settle({ value }));
                  if (milliseconds < Infinity) asyncScheduler.schedule(answer, milliseconds);
                  return { then: noop };
                },
              }),
            }) as unknown as Promise<{ value: unknown }>,
        },
      });
      /* oxlint-enable unicorn/no-thenable */
      const signals: boolean[] = [];
      const rows = (checked: number, took: number, options: Partial<RunToolsOptions> = {}) => {
        const run = () => of('ran').pipe(delay(took));
        const input = slowly(checked);
        const inputSchema = { type: 'object' } as const;
        const a = { name: 'a', description: 'For a test', inputSchema, timeout: 5 };
        const tools = [defineTool({ ...a, input, run, preview: watch })];
        return turns(helpers, ['(ma1AxS)', ANSWER], { tools, ...options }).timetable();
      };
      const watch = ({ signal }: ToolContext) => {
        signal.addEventListener('abort', () => signals.push(signal.reason instanceof DOMException));
        return EMPTY;
      };
      const never = rows(Infinity, 1);
      const both = rows(3, 3);
      const approved = rows(3, 1, { approve: () => of(true).pipe(delay(10)) });
      helpers.flush();
      const timeout = "5 a timeout: Error: 'a' did not finish within 5 ms";
      expect(never.slice(0, 2)).toEqual([timeout, '5 turn 1: continue']);
      expect(both.slice(0, 2)).toEqual(['3 a start', timeout]);
      expect(approved.slice(0, 2)).toEqual(['13 a start', '14 a done: ran']);
      expect(signals.slice(0, 2)).toEqual([true, true]);
    }),
  );

  it(
    'emits progress at once, and the last value as the result',
    marble((helpers) => {
      const a = tool('a', () => helpers.cold('p--q--(rs|)'));
      const b = tool('b', () => helpers.cold('-----s--|'));
      const c = tool('c', () => helpers.cold('-p|').pipe(filter(() => false)));
      const rows = turns(helpers, ['(ma1Ab2Bc3CxS)', ANSWER], { tools: [a, b, c] }).timetable();
      helpers.flush();
      expect(rows.slice(0, 10)).toEqual([
        '0 a start',
        '0 b start',
        '0 c start',
        '0 a progress "p"',
        '2 c done: undefined',
        '3 a progress "q"',
        '5 b progress "s"',
        '6 a progress "r"',
        '6 a done: s',
        '8 b done: s',
      ]);
    }),
  );

  it(
    'may fail after progress',
    marble((helpers) => {
      const a = tool('a', () => helpers.cold('p--(q#)', undefined, new Error('disk full')));
      const rows = turns(helpers, ['(ma1AxS)', ANSWER], { tools: [a] }).timetable();
      helpers.flush();
      expect(rows.slice(0, 4)).toEqual([
        '0 a start',
        '0 a progress "p"',
        '3 a progress "q"',
        '3 a failed: Error: disk full',
      ]);
    }),
  );

  it(
    'is unsubscribed when it is done, and when the loop is unsubscribed',
    marble((helpers) => {
      const [a, b] = [helpers.cold('--(r|)'), helpers.cold('--p---')];
      const tools = [tool('a', () => a), tool('b', () => b)];
      const run = turns(helpers, ['(ma1Ab2BxS)'], { tools });
      helpers.expectObservable(run.shown$.pipe(ignoreElements()), '^----!').toBe('-');
      helpers.expectSubscriptions(a.subscriptions).toBe('^-!');
      helpers.expectSubscriptions(b.subscriptions).toBe('^----!');
    }),
  );
});

describe('a call that cannot run', () => {
  const a = tool('a', () => 'ran');
  const rowsOf = (helpers: RunHelpers, reply: string, options: Partial<RunToolsOptions>) =>
    turns(helpers, [reply, ANSWER], options).timetable();

  it(
    'is answered with the issues of the schema and their paths',
    marble((helpers) => {
      const nested = defineTool({
        name: 'a',
        description: 'For a test',
        input: z.object({ n: z.object({ city: z.string() }), m: z.number() }),
        run: () => 'ran',
      });
      const plain = rowsOf(helpers, '(ma9AxS)', { tools: [a] });
      const deep = rowsOf(helpers, '(ma1AxS)', { tools: [nested] });
      helpers.flush();
      expect(plain.slice(0, 2)).toEqual([
        "0 a invalid_input: Error: The input is not what 'a' takes: n: Invalid input: expected number, received string",
        '0 turn 1: continue',
      ]);
      expect(deep[0]).toBe(
        "0 a invalid_input: Error: The input is not what 'a' takes: n: Invalid input: expected object, received number; m: Invalid input: expected number, received undefined",
      );
    }),
  );

  it(
    'is answered with the syntax error of its JSON, and has an empty input in the history',
    marble((helpers) => {
      const run = turns(helpers, ['(ma78Ab2BxS)', ANSWER], { tools: [a, after(1, 'b')] });
      const rows = run.timetable();
      const eager = turns(helpers, ['(ma78Ab2BxS)', ANSWER], {
        tools: [a, after(1, 'b')],
        eager: true,
      }).timetable();
      helpers.flush();
      expect(rows[0]).toMatch(
        /^0 a invalid_input: Error: The input of the call of a \(toolu_a\) is not valid JSON: Unexpected "o" where a value was expected/,
      );
      expect(rows.slice(1, 3)).toEqual(['0 b start', '1 b done: b']);
      // With its neighbour, which runs early, it waits for the end.
      expect(eager.toSorted()).toEqual(rows.toSorted());
      expect(run.told()).toHaveLength(2);
      expect(run.requests[1]?.messages[1]?.content).toMatchObject([
        { input: {} },
        { input: { n: 2 } },
      ]);
    }),
  );

  it(
    'is answered with the list of existing tools',
    marble((helpers) => {
      const server = { type: 'web_search_20250305', name: 'web_search' } as const;
      const rows = rowsOf(helpers, '(mc3CxS)', { tools: [a, server, after(1, 'b')] });
      const none = rowsOf(helpers, '(mc3CxS)', { tools: [server] });
      helpers.flush();
      expect(rows[0]).toBe("0 c unknown_tool: Error: There is no tool 'c'; there are: a, b");
      expect(none[0]).toBe("0 c unknown_tool: Error: There is no tool 'c'; there are none to call");
    }),
  );

  it(
    'goes to `onUnknownTool`, which runs it like a tool',
    marble((helpers) => {
      const onUnknownTool: RunToolsOptions['onUnknownTool'] = ({ name, input }, { toolUseId }) =>
        concat(of('looking').pipe(delay(1)), of({ name, input, toolUseId }).pipe(delay(5)));
      const rows = rowsOf(helpers, '(mc3CxS)', { tools: [a], onUnknownTool });
      const late = rowsOf(helpers, '(mc3CxS)', { tools: [a], onUnknownTool, timeout: 3 });
      helpers.flush();
      expect(rows.slice(0, 3)).toEqual([
        '0 c start',
        '1 c progress "looking"',
        '6 c done: {"name":"c","input":{"n":3},"toolUseId":"toolu_c"}',
      ]);
      expect(late[2]).toBe("3 c timeout: Error: 'c' did not finish within 3 ms");
    }),
  );

  it(
    'is answered with the error of the tool, synchronous or asynchronous',
    marble((helpers) => {
      const tools = [
        tool('a', () => {
          throw new RangeError('too far');
        }),
        tool('b', () => throwError(() => 'a string').pipe(delay(0))),
        // oxlint-disable-next-line typescript/no-explicit-any -- what JSON cannot say
        tool('c', () => ({ n: 1n }) as any),
      ];
      const rows = rowsOf(helpers, '(ma1Ab2Bc3CxS)', { tools });
      helpers.flush();
      expect(rows.filter((row) => !row.endsWith('start')).slice(0, 3)).toEqual([
        '0 a failed: Error: too far',
        '0 b failed: Error: a string',
        '0 c failed: Error: Do not know how to serialize a BigInt',
      ]);
    }),
  );
});

describe('approve', () => {
  const asked: unknown[] = [];
  const rowsOf = (helpers: RunHelpers, approve: Approve, more: Partial<RunToolsOptions> = {}) =>
    turns(helpers, ['(ma1Ab2BxS)', ANSWER], {
      tools: [after(5, 'a'), after(5, 'b')],
      approve,
      ...more,
    }).timetable();

  it(
    'is called before a call runs, may be asynchronous, and its first value counts',
    marble((helpers) => {
      const rows = rowsOf(helpers, (call, { turn }) => {
        asked.push({ ...call, turn });
        const diagram = call.name === 'a' ? '--y---n|' : '---n--y|';
        return helpers.cold(diagram, { y: true, n: { approved: false, reason: 'not today' } });
      });
      helpers.flush();
      expect(asked).toEqual([
        { id: 'toolu_a', name: 'a', input: { n: 1 }, turn: 1 },
        { id: 'toolu_b', name: 'b', input: { n: 2 }, turn: 1 },
      ]);
      expect(rows.slice(0, 4)).toEqual([
        '2 a start',
        '3 b denied: Error: This call was not approved: not today',
        '7 a done: a',
        '7 turn 1: continue',
      ]);
    }),
  );

  it(
    'may be synchronous',
    marble((helpers) => {
      const rows = rowsOf(helpers, ({ name }) => name === 'a');
      const object = rowsOf(helpers, ({ name }) => ({ approved: name === 'b' }));
      helpers.flush();
      expect(rows.slice(0, 2)).toEqual([
        '0 a start',
        '0 b denied: Error: This call was not approved',
      ]);
      expect(object.slice(0, 2)).toEqual([
        '0 a denied: Error: This call was not approved',
        '0 b start',
      ]);
    }),
  );

  it(
    'refuses the call if it emits no value, fails, or returns an invalid value',
    marble((helpers) => {
      const denied = (approve: Approve) => {
        const rows = rowsOf(helpers, approve);
        helpers.flush();
        return rows[0];
      };
      expect(denied(() => EMPTY)).toBe(
        '0 a denied: Error: This call was not approved: there was no answer',
      );
      expect(denied(() => throwError(() => new Error('no dialog')))).toContain('a denied: Error: ');
      expect(
        denied(() => {
          throw new Error('no dialog');
        }),
      ).toContain('a denied: Error: ');
      expect(denied(() => 1 as never)).toContain('a denied: Error: ');
      expect(denied(() => undefined as never)).toContain('a denied: Error: ');
      expect(denied(() => ({ approved: 'yes' }) as never)).toContain('a denied: Error: ');
    }),
  );

  it(
    'is not called for a call with invalid input, and counts for `concurrency`',
    marble((helpers) => {
      const approve: Approve = ({ name }) => {
        if (name === 'a') throw new Error('asked for a');
        return of(true).pipe(delay(10));
      };
      const rows = turns(helpers, ['(ma9Ab2Bc3CxS)', ANSWER], {
        tools: [after(5, 'a'), after(5, 'b'), after(5, 'c')],
        approve,
        concurrency: 1,
      }).timetable();
      helpers.flush();
      expect(rows.slice(1, 5)).toEqual([
        '10 b start',
        '15 b done: b',
        '25 c start',
        '30 c done: c',
      ]);
      expect(rows[0]).toContain('0 a invalid_input');
    }),
  );

  it(
    'is unsubscribed, and its signal aborts, when the loop is unsubscribed or the call withdrawn',
    marble((helpers) => {
      const signals: AbortSignal[] = [];
      const answer = helpers.cold('----------y', { y: true });
      const approve: Approve = (_, { signal }) => {
        signals.push(signal);
        return answer;
      };
      const options = { tools: [after(5, 'a')], eager: true, approve };
      const run = turns(helpers, ['ma1AuU-r-tT(eS)'], options);
      helpers.expectObservable(run.shown$).toBe('-----------(n|)', { n: 'turn 1: end_turn' });
      const left = turns(helpers, ['(ma1AxS)'], options);
      helpers.expectObservable(left.shown$, '^--!').toBe('');
      helpers.expectSubscriptions(answer.subscriptions).toBe(['^--!', '----^--!']);
      helpers.flush();
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    }),
  );
});

describe('preview', () => {
  const preview = (show: (context: ToolContext<{ n: number }>) => Observable<unknown>) =>
    defineTool({
      name: 'a',
      description: 'For a test',
      input: z.object({ n: z.number() }),
      preview: show,
      run: (_, { partial$ }) => partial$.pipe(map((partial) => ({ partial }))),
    });

  it(
    'emits its values while the input is written; `run` has the last input',
    marble((helpers) => {
      const rows = turns(helpers, ['ma--1--AuUx(S)', ANSWER], {
        tools: [preview(({ partial$ }) => partial$)],
      }).timetable();
      helpers.flush();
      expect(rows.slice(0, 3)).toEqual([
        '4 a progress {"n":1}',
        '11 a start',
        '11 a done: {"partial":{"n":1}}',
      ]);
    }),
  );

  it(
    'ends when the call runs, is cut or is withdrawn, and never blocks the turn',
    marble((helpers) => {
      const shown = helpers.cold('-v');
      const signals: AbortSignal[] = [];
      const tools = [
        preview(({ signal }) => {
          signals.push(signal);
          return shown;
        }),
      ];
      const due = turns(helpers, ['ma1AuUx(S)', ANSWER], { tools, eager: true });
      const cut = turns(helpers, ['ma1Ay(S)'], { tools });
      const back = turns(helpers, ['ma1r-tTe(S)'], { tools });
      const rows = [due, cut, back].map((run) => run.timetable());
      helpers.expectSubscriptions(shown.subscriptions).toBe(['-^--!', '-^---!', '-^-!']);
      helpers.flush();
      expect(rows).toMatchObject([
        [
          '2 a progress "v"',
          '4 a start',
          '4 a done: {"partial":{"n":1}}',
          '7 turn 1: continue',
          {},
          {},
        ],
        ['2 a progress "v"', '5 turn 1: max_tokens', '5 complete'],
        ['2 a progress "v"', '8 turn 1: end_turn', '8 complete'],
      ]);
      expect(signals.map(({ aborted }) => aborted)).toEqual([false, true, true]);
    }),
  );

  it(
    'fails its call if it throws',
    marble((helpers) => {
      const tools = [preview(() => throwError(() => new Error('no screen')))];
      const rows = turns(helpers, ['ma1AuUx(S)', ANSWER], { tools }).timetable();
      helpers.flush();
      expect(rows[0]).toBe('7 a failed: Error: no screen');
    }),
  );
});

const raise = () => {
  throw new Error('not to be read');
};
const unreadable: [string, () => unknown][] = [
  ['has no prototype', () => Object.create(null)],
  ['has a toString that throws', () => ({ toString: raise })],
  ['has a toString that gives no text', () => ({ toString: () => ({}) })],
  [
    'has a message that throws',
    () => Object.defineProperty(new Error('x'), 'message', { get: raise }),
  ],
  ['has a name that throws', () => Object.defineProperty({}, 'name', { get: raise })],
  [
    'is a proxy',
    () => new Proxy({}, { get: raise, has: raise, getPrototypeOf: raise, ownKeys: raise }),
  ],
  [
    'is a revoked proxy',
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
  ],
  ['is a ToolError that cannot be sent', () => ({ name: 'ToolError', content: [1n] })],
];

describe('an error that cannot be read', () => {
  it.each(unreadable)('is told to the model, and the loop goes on: one that %s', (_, make) => {
    marble((helpers) => {
      const told = (tools: DefinedTool[], options: Partial<RunToolsOptions> = {}) =>
        turns(helpers, ['(ma1AxS)', ANSWER], { tools, ...options }).timetable();
      const fail = () => {
        throw make();
      };
      const validate = () => fail();
      const rows = {
        thrown: told([tool('a', fail)]),
        emitted: told([tool('a', () => throwError(make))]),
        validated: told([
          defineTool({
            name: 'a',
            description: 'For a test',
            input: { '~standard': { version: 1, vendor: 'test', validate } },
            inputSchema: { type: 'object' },
            run: () => 'a',
          }),
        ]),
        previewed: told([{ ...tool('a', () => 'a'), preview: fail }]),
        approved: told([tool('a', () => 'a')], { approve: fail }),
        around: told([tool('a', () => 'a')], { around: fail }),
      };
      helpers.flush();
      const end = ['0 turn 1: continue', '0 turn 2: end_turn', '0 complete'];
      const error = 'Error: the tool failed and did not say why';
      const failed = ['0 a start', `0 a failed: ${error}`, ...end];
      expect(rows).toEqual({
        thrown: failed,
        emitted: failed,
        validated: [`0 a invalid_input: ${error}`, ...end],
        previewed: [`0 a failed: ${error}`, ...end],
        approved: [`0 a denied: ${error}`, ...end],
        around: failed,
      });
    })();
  });
});

describe('a tool that the messages withdraw', () => {
  const change = (type: 'tool_removal' | 'tool_addition', name: string) => ({
    type,
    tool: { type: 'tool_reference', name },
  });
  const system = (...content: object[]) => ({ role: 'system', content });
  const defined = {
    type: 'tool_addition',
    tool: { type: 'tool_definition', definition: { name: 'a', input_schema: { type: 'object' } } },
  };
  const foreign = {
    type: 'tool_removal',
    tool: { type: 'mcp_tool_reference', server_name: 'docs', name: 'a' },
  };
  const compaction = (...tool_changes: object[]) => ({
    role: 'assistant',
    content: [{ type: 'compaction', content: 'All that was said', tool_changes }],
  });
  const gone = "0 a unknown_tool: Error: There is no tool 'a'; there are: b";
  const ran = ['0 a start', '0 a done: ran'];
  const removal = change('tool_removal', 'a');
  const addition = change('tool_addition', 'a');

  it.each<[string, object[], string[]]>([
    ['removed', [system(removal)], [gone]],
    ['removed and added again', [system(removal), system(addition)], ran],
    ['removed and added in one message', [system(removal, addition)], ran],
    ['added and removed', [system(addition), system(removal)], [gone]],
    ['added again by its definition', [system(removal), system(defined)], ran],
    ['removed before a compaction', [compaction(removal)], [gone]],
    ['added again after a compaction', [compaction(removal), system(addition)], ran],
    ['of an MCP server', [system(foreign)], ran],
    ['removed by one who is not the system', [{ role: 'user', content: [removal] }], ran],
    ['not mentioned', [{ role: 'system', content: 'a' }, system({ type: 'text', text: 'a' })], ran],
  ])('neither runs nor previews until it is added again: %s', (_, said, expected) => {
    marble((helpers) => {
      const a = { ...tool('a', () => 'ran'), preview: () => EMPTY };
      const messages = [{ role: 'user', content: 'Hi' }, ...said];
      const call = '(ma1AxS)';
      const run = (options: Partial<RunToolsOptions> = {}) =>
        turns(
          helpers,
          [call, call, ANSWER],
          { tools: [a, after(1, 'b')], ...options },
          { messages },
        );
      const rows = run().timetable();
      const eager = run({ eager: true }).timetable();
      helpers.flush();
      const twice = [...expected, '0 turn 1: continue', ...expected, '0 turn 2: continue'];
      expect(rows).toEqual([...twice, '0 turn 3: end_turn', '0 complete']);
      expect(eager).toEqual(rows);
    })();
  });

  it(
    'goes to `onUnknownTool`, like a call of an unknown tool',
    marble((helpers) => {
      const messages = [{ role: 'user', content: 'Hi' }, system(removal)];
      const options = { tools: [tool('a', () => 'ran')], onUnknownTool: () => 'other' };
      const rows = turns(helpers, ['(ma1AxS)', ANSWER], options, { messages }).timetable();
      helpers.flush();
      expect(rows.slice(0, 2)).toEqual(['0 a start', '0 a done: other']);
    }),
  );
});
