import { describe, expect, it } from 'vitest';
import { after, ANSWER, marble, turns, TWO } from './turns.ts';

describe('runTools, in virtual time', () => {
  it(
    'runs a tool when the reply is complete, and sends the next request when it is done',
    marble((helpers) => {
      const run = turns(helpers, ['-ma1AxS', '-mtTAeS'], { tools: [after(10, 'a')] });
      helpers.expectObservable(run.shown$).toBe('------s 9ms (rn) 2ms (e|)', {
        s: 'a start',
        r: 'a done: a',
        n: 'turn 1: continue',
        e: 'turn 2: end_turn',
      });
      helpers.expectSubscriptions(run.replies[0]!.subscriptions).toBe('^-----!');
      helpers.expectSubscriptions(run.replies[1]!.subscriptions).toBe('16ms ^-----!');
    }),
  );

  it(
    'runs calls at the same time, and sends their results in the order of the calls',
    marble((helpers) => {
      const run = turns(helpers, [TWO, ANSWER], { tools: [after(30, 'a'), after(10, 'b')] });
      helpers.expectObservable(run.shown$).toBe('9ms (su) 6ms v 19ms (rne|)', {
        s: 'a start',
        u: 'b start',
        v: 'b done: b',
        r: 'a done: a',
        n: 'turn 1: continue',
        e: 'turn 2: end_turn',
      });
      helpers.flush();
      expect(run.told()).toEqual(['a: a', 'b: b']);
    }),
  );

  it(
    'runs at most `concurrency` calls at the same time, in the order of the calls',
    marble((helpers) => {
      const tools = [after(30, 'a'), after(10, 'b'), after(10, 'c')];
      const replies = ['(ma1Ab2Bc3CxS)', ANSWER];
      const two = turns(helpers, replies, { tools, concurrency: 2 });
      const ofTwo = two.timetable();
      const ofOne = turns(helpers, replies, { tools, concurrency: 1 }).timetable();
      helpers.flush();
      expect(ofTwo).toEqual([
        '0 a start',
        '0 b start',
        '10 b done: b',
        '10 c start',
        '20 c done: c',
        '30 a done: a',
        '30 turn 1: continue',
        '30 turn 2: end_turn',
        '30 complete',
      ]);
      expect(ofOne).toEqual([
        '0 a start',
        '30 a done: a',
        '30 b start',
        '40 b done: b',
        '40 c start',
        '50 c done: c',
        '50 turn 1: continue',
        '50 turn 2: end_turn',
        '50 complete',
      ]);
      expect(two.told()).toEqual(['a: a', 'b: b', 'c: c']);
    }),
  );
});
