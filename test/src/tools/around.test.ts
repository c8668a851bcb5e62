import { AsyncLocalStorage } from 'node:async_hooks';
import { textOnly } from 'claude-rx';
import { type Around, runTools } from 'claude-rx/tools';
import { filter, Observable, of, retry, share, take, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../../diagrams/drawn.ts';
import { params } from '../../support/server.ts';
import { after, ANSWER, bare, drawnReply, marble, tool, turns } from './turns.ts';

it(
  'runs the tool with each subscription to run$',
  drawn(
    'around',
    marble((helpers) => {
      const replies = ['maxS|', 'mtTeS|'].map((diagram) => drawnReply(helpers, diagram));
      const runs = ['-#', '-(r|)'].map((diagram) => helpers.cold(diagram, { r: 'done' }));
      let count = 0;
      const loop$ = runTools((_, { turn }) => replies[turn - 1]!, params, {
        tools: [bare('a', () => runs[count++])],
        around: (_, run$) => run$.pipe(retry(1)),
      }).pipe(share());
      helpers
        .expectObservable(loop$.pipe(filter(({ type }) => type.startsWith('tool_'))))
        .toBe('---s-R---|', {
          s: expect.objectContaining({ type: 'tool_start' }),
          R: expect.objectContaining({ type: 'tool_result', status: 'done' }),
        });
      helpers.expectObservable(loop$.pipe(textOnly())).toBe('-------T-|', { T: 'Hello' });
    }),
    {
      title: 'around: (call, run$) => run$.pipe(retry(1))',
      inputs: ['turn1', 'turn2', 'run1', 'run2'],
      outputs: ['events', 'text'],
    },
  ),
);

describe('runTools with around', () => {
  it(
    'wraps the run of each tool, after its input was checked and approved',
    marble((helpers) => {
      const log: unknown[] = [];
      const around: Around = ({ id, name, input, turn, signal }, run$) => {
        log.push([id, name, input, turn, signal.aborted]);
        return run$.pipe(
          tap({ next: (value) => log.push(value), complete: () => log.push('end') }),
        );
      };
      const approve = ({ name }: { name: string }) => name !== 'b';
      const options = { tools: [after(5, 'a'), after(5, 'b')], around, approve };
      const rows = turns(helpers, ['(ma1Ab2BxS)', ANSWER], options).timetable();
      helpers.flush();
      expect(rows.slice(0, 4)).toEqual([
        '0 a start',
        '0 b denied: Error: This call was not approved',
        '5 a done: a',
        '5 turn 1: continue',
      ]);
      expect(log).toEqual([['toolu_a', 'a', { n: 1 }, 1, false], 'a', 'end']);
    }),
  );

  it(
    'uses its value as the result: a mock, another value, a promise',
    marble((helpers) => {
      let runs = 0;
      const count = () => ++runs;
      const around: Around = ({ name }, run$) => (name === 'a' ? of('mock') : run$.pipe(take(1)));
      const tools = [tool('a', count), tool('b', count)];
      const rows = turns(helpers, ['(ma1Ab2BxS)', ANSWER], { tools, around }).timetable();
      helpers.flush();
      expect(rows.slice(0, 4)).toEqual(['0 a start', '0 a done: mock', '0 b start', '0 b done: 1']);
    }),
  );

  it(
    'runs the tool again with each subscription',
    marble((helpers) => {
      let runs = 0;
      const a = tool('a', () => {
        if (++runs < 3) throw new Error(`failure ${runs}`);
        return `run ${runs}`;
      });
      const around: Around = (_, run$) => run$.pipe(retry(2));
      const rows = turns(helpers, ['(ma1AxS)', ANSWER], { tools: [a], around }).timetable();
      helpers.flush();
      expect(rows.slice(0, 2)).toEqual(['0 a start', '0 a done: run 3']);
    }),
  );

  it(
    'sends an error that it throws to the model, and counts its time',
    marble((helpers) => {
      const around: Around = ({ name }, run$) => {
        if (name === 'a') throw new Error('no transaction');
        return run$;
      };
      const options = { tools: [after(1, 'a'), after(50, 'b')], around, timeout: 10 };
      const rows = turns(helpers, ['(ma1Ab2BxS)', ANSWER], options).timetable();
      helpers.flush();
      expect(rows.slice(0, 4)).toEqual([
        '0 a start',
        '0 a failed: Error: no transaction',
        '0 b start',
        "10 b timeout: Error: 'b' did not finish within 10 ms",
      ]);
    }),
  );

  it(
    'runs the tool in the context of the subscription to run$',
    marble((helpers) => {
      const context = new AsyncLocalStorage<string>();
      const a = tool('a', () => String(context.getStore()));
      const around: Around = ({ id }, run$) =>
        new Observable((subscriber) => context.run(id, () => run$.subscribe(subscriber)));
      const rows = turns(helpers, ['(ma1AxS)', ANSWER], { tools: [a], around }).timetable();
      helpers.flush();
      expect(rows[1]).toBe('0 a done: toolu_a');
    }),
  );

  it(
    'is unsubscribed with the loop',
    marble((helpers) => {
      const work = helpers.cold('-');
      const around: Around = (_, run$) => run$;
      const options = { tools: [tool('a', () => work)], around };
      const { shown$ } = turns(helpers, ['(ma1AxS)'], options);
      helpers.expectObservable(shown$, '---!').toBe('s---', { s: 'a start' });
      helpers.expectSubscriptions(work.subscriptions).toBe('^--!');
    }),
  );

  it('refuses an option that is not a function', () => {
    expect(() => marble((helpers) => void turns(helpers, [], { around: 5 as never }))()).toThrow(
      '`around`',
    );
  });
});
