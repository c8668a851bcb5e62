import { messageEvents } from 'claude-rx/testing';
import {
  calls,
  runTools,
  type RunToolsOptions,
  spent,
  type StopContext,
  turnCount,
} from 'claude-rx/tools';
import { delay, EMPTY, filter, from, map, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { historyProblems } from '../../../src/testing/historyProblems.ts';
import { drawn } from '../../diagrams/drawn.ts';
import { params, received } from '../../support/server.ts';
import { after, ANSWER, bare, drawnReply, isOurs, line, marble, turns } from './turns.ts';

const CALL = '(ma1AxS)';
const prices = { input: 2, output: 10 };

/** Three calls and an answer, each of 25 tokens in and 10 out. */
async function loop(
  stopWhen: RunToolsOptions['stopWhen'],
  more: Partial<RunToolsOptions> = {},
): Promise<string[]> {
  const replies = [
    messageEvents.toolUse('a', { n: 1 }),
    messageEvents.toolUse('b', { n: 1 }),
    messageEvents.toolUse('a', { n: 1 }),
    messageEvents.text('Done.'),
  ].map((reply) => reply.with({ usage: { input_tokens: 25, output_tokens: 10 } }));
  const events = await received(
    runTools((_, { turn }) => from([...replies[turn - 1]!]), params, {
      tools: [after(0, 'a'), after(0, 'b')],
      stopWhen,
      ...more,
    }),
  );
  return events.filter((event) => event.type === 'turn_end').map(line);
}

describe('stopWhen', () => {
  it(
    'is called after each turn, when its calls have their results',
    drawn(
      'stopWhen',
      marble((helpers) => {
        const replies = [1, 2].map(() => drawnReply(helpers, 'maxS|'));
        const asked$ = new Subject<boolean>();
        const isOver = turnCount(2);
        const ends$ = runTools((_, { turn }) => replies[turn - 1]!, params, {
          tools: [bare('a', () => 'done')],
          stopWhen: (context) => {
            asked$.next(isOver(context));
            return isOver(context);
          },
        }).pipe(filter(({ type }) => type === 'turn_end'));
        const end = (outcome: string) => expect.objectContaining({ type: 'turn_end', outcome });
        helpers.expectObservable(asked$).toBe('---n--y--', { n: false, y: true });
        helpers
          .expectObservable(ends$)
          .toBe('---C--(X|)', { C: end('continue'), X: end('stopped') });
      }),
      {
        title: 'stopWhen: turnCount(2)',
        inputs: ['turn1', 'turn2'],
        outputs: ['stopWhen', 'ends'],
      },
    ),
  );

  it(
    'stops the loop once the calls of the turn have their results',
    marble((helpers) => {
      const run = turns(helpers, [CALL, ANSWER], { tools: [after(10, 'a')], stopWhen: () => true });
      helpers.expectObservable(run.shown$).toBe('s 9ms (re|)', {
        s: 'a start',
        r: 'a done: a',
        e: 'turn 1: stopped',
      });
      helpers.expectSubscriptions(run.replies[1]!.subscriptions).toBe([]);
    }),
  );

  it(
    'accepts an Observable, whose first value counts',
    marble((helpers) => {
      const stopWhen = ({ turn }: StopContext) => of(turn === 2, true).pipe(delay(5));
      const tools = [after(10, 'a')];
      const run = turns(helpers, [CALL, CALL, ANSWER], { tools, stopWhen });
      const rows = run.timetable();
      helpers.flush();
      expect(rows).toEqual([
        '0 a start',
        '10 a done: a',
        '15 turn 1: continue',
        '15 a start',
        '25 a done: a',
        '30 turn 2: stopped',
        '30 complete',
      ]);
    }),
  );

  it(
    'is unsubscribed with the loop',
    marble((helpers) => {
      const asked = helpers.cold('-----');
      const stopWhen = () => asked.pipe(map(() => true));
      const run = turns(helpers, [CALL], { tools: [after(0, 'a')], stopWhen });
      helpers.expectObservable(run.shown$, '--!').toBe('(sr)', { s: 'a start', r: 'a done: a' });
      helpers.expectSubscriptions(asked.subscriptions).toBe('^-!');
    }),
  );

  it('gets all turns, the total, the cost and the last message', async () => {
    const seen: unknown[] = [];
    const stopWhen = ({ turn, turns: all, total, cost, message }: StopContext) => {
      seen.push([turn, all.map((one) => one.turn), total.output_tokens, cost, message.stop_reason]);
      return false;
    };
    await loop(stopWhen, { prices });
    expect(seen).toEqual([
      [1, [1], 10, 0.00015, 'tool_use'],
      [2, [1, 2], 20, 0.0003, 'tool_use'],
      [3, [1, 2, 3], 30, expect.closeTo(0.00045), 'tool_use'],
    ]);
  });

  it('gets no cost without prices, and accepts prices per model', async () => {
    const costs: unknown[] = [];
    const stopWhen = ({ cost }: StopContext) => costs.push(cost) > 0;
    await loop((context) => stopWhen(context));
    await loop((context) => stopWhen(context), { prices: () => undefined });
    expect(costs).toEqual([undefined, 0]);
  });

  it('is not called after the last turn', async () => {
    let asked = 0;
    const stopWhen = () => ++asked > 99;
    expect((await loop(stopWhen)).at(-1)).toBe('turn 4: end_turn');
    expect((await loop(stopWhen, { maxTurns: 2 })).at(-1)).toBe('turn 2: max_turns');
    const deferred = await loop(stopWhen, { approve: () => 'defer' });
    expect(deferred).toEqual(['turn 1: interrupted a']);
    expect(asked).toBe(4);
  });

  it('does not stop without a value', async () => {
    expect(await loop(() => EMPTY)).toHaveLength(4);
  });

  it('fails the loop if it fails', async () => {
    const stopWhen = () => throwError(() => new Error('no database'));
    await expect(loop(stopWhen)).rejects.toThrow('no database');
  });

  it('leaves a paused reply in a form that a question can follow', async () => {
    const reply = messageEvents
      .text('Looking.')
      .serverToolUse('web_search', {}, { id: 'srvtoolu_1' })
      .with({ stopReason: 'pause_turn' });
    const events = await received(
      runTools(() => from([...reply]), params, { tools: [], stopWhen: () => true }),
    );
    const end = events.findLast(isOurs)!;
    expect(end).toMatchObject({ type: 'turn_end', outcome: 'stopped' });
    const { appended } = end as unknown as { appended: object[] };
    const messages = [...params.messages, ...appended, { role: 'user', content: 'And?' }];
    expect(historyProblems({ ...params, messages } as never, {} as never)).toEqual([]);
  });

  it('must be a function', () => {
    const start = () => runTools(() => [], params, { tools: [], stopWhen: true as never });
    expect(start).toThrow(/`stopWhen` must be a function, not true/);
  });
});

describe('stop conditions', () => {
  it.each([
    ['turnCount(2)', turnCount(2), 2],
    ["calls('b')", calls('b'), 2],
    ["calls('c', 'a')", calls('c', 'a'), 1],
    ["calls('c')", calls('c'), 4],
    ['spent({ tokens: 71 })', spent({ tokens: 71 }), 3],
    ['spent({ tokens: 70 })', spent({ tokens: 70 }), 2],
    ['spent({ cost: 0.0003 })', spent({ cost: 0.0003 }), 2],
    ['spent({ tokens: 1e6, cost: 0.0001 })', spent({ tokens: 1e6, cost: 0.0001 }), 1],
  ])('%s', async (_, stopWhen, count) => {
    const ends = await loop(stopWhen, { prices });
    expect(ends).toHaveLength(count);
    expect(ends.at(-1)).toContain(count === 4 ? 'end_turn' : 'stopped');
  });

  it('count the tokens of the prompt cache', () => {
    const total = { input_tokens: 1, cache_read_input_tokens: 5, output_tokens: 4 } as never;
    expect(spent({ tokens: 10 })({ total, cost: undefined })).toBe(true);
  });

  it('need prices for a limit of the cost', async () => {
    await expect(loop(spent({ cost: 1 }))).rejects.toThrow(/needs the option `prices`/);
  });

  it.each([
    [() => turnCount(0), /`count` must be a whole number, at least 1, not 0/],
    [() => turnCount(1.5), /not 1.5/],
    [() => calls('' as never), /give the names of tools/],
    [() => (calls as () => unknown)(), /give the names of tools/],
    [() => spent({}), /give a limit/],
    [() => spent({ tokens: 0 }), /`tokens` must be a number above 0, not 0/],
    [() => spent({ cost: '1' as never }), /`cost` must be a number above 0, not '1'/],
  ])('refuse an invalid limit: %s', (make, message) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});
