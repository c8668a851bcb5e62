import { delay, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { after, ANSWER, marble, tool, turns, TWO } from './turns.ts';

describe('runTools with eager', () => {
  it(
    'runs a call when the next block or the stop reason proves it complete',
    marble((helpers) => {
      const tools = [after(20, 'a'), after(20, 'b')];
      const run = turns(helpers, [TWO, ANSWER], { tools, eager: true });
      helpers.expectObservable(run.shown$).toBe('5ms s--u 16ms r--(vne|)', {
        s: 'a start',
        u: 'b start',
        r: 'a done: a',
        v: 'b done: b',
        n: 'turn 1: continue',
        e: 'turn 2: end_turn',
      });
      helpers.flush();
      expect(run.told()).toEqual(['a: a', 'b: b']);
    }),
  );

  it(
    'ends the turn with the reply if the tools were faster',
    marble((helpers) => {
      const options = { tools: [after(20, 'a'), after(5, 'b')], eager: true };
      const rows = turns(helpers, ['-ma1Ab2BuU 40ms (xS)', ANSWER], options).timetable();
      helpers.flush();
      expect(rows).toEqual([
        '5 a start',
        '8 b start',
        '13 b done: b',
        '25 a done: a',
        '50 turn 1: continue',
        '50 turn 2: end_turn',
        '50 complete',
      ]);
    }),
  );

  it(
    'runs a tool with `eager: false` at the end, and one with `eager: true` before',
    marble((helpers) => {
      const late = after(20, 'a', { eager: false });
      const early = after(20, 'a', { eager: true });
      const tools = (a: typeof late) => [a, after(20, 'b')];
      const all = turns(helpers, [TWO, ANSWER], { tools: tools(late), eager: true }).timetable();
      const some = turns(helpers, [TWO, ANSWER], { tools: tools(early) }).timetable();
      helpers.flush();
      expect(all.slice(0, 2)).toEqual(['8 b start', '9 a start']);
      expect(some.slice(0, 2)).toEqual(['5 a start', '9 b start']);
    }),
  );

  it(
    'runs at most `concurrency` calls at the same time',
    marble((helpers) => {
      const options = { tools: [after(20, 'a'), after(20, 'b')], eager: true, concurrency: 1 };
      const rows = turns(helpers, [TWO, ANSWER], options).timetable();
      helpers.flush();
      expect(rows.slice(0, 4)).toEqual(['5 a start', '25 a done: a', '25 b start', '45 b done: b']);
    }),
  );

  it(
    'never runs a call that may be cut: neither at its own stop nor after another stop reason',
    marble((helpers) => {
      const options = { tools: [after(20, 'a')], eager: true };
      const rowsOf = (reply: string) => turns(helpers, [reply], options).timetable();
      const truncated = rowsOf('-ma1A 50ms |');
      const broken = rowsOf('-ma1A 50ms #');
      const cut = ['y', 'f', 'w', 'e', 'q'].map((reason) => rowsOf(`-ma1A 50ms (${reason}S)`));
      // A refusal before a fallback may have cut it.
      const fallback = rowsOf('-ma1A 50ms (FeS)');
      helpers.flush();
      expect(truncated).toEqual(['55 truncated']);
      expect(broken).toEqual(['55 connection']);
      expect(cut).toEqual([
        ['55 turn 1: max_tokens', '55 complete'],
        ['55 turn 1: refusal', '55 complete'],
        ['55 turn 1: model_context_window_exceeded', '55 complete'],
        ['55 turn 1: end_turn', '55 complete'],
        ['55 turn 1: vibe_shift', '55 complete'],
      ]);
      expect(fallback).toEqual(['55 turn 1: end_turn', '55 complete']);
    }),
  );

  it(
    'lets a call finish that was proven complete before the reply was cut',
    marble((helpers) => {
      const options = { tools: [after(20, 'a'), after(20, 'b')], eager: true };
      const rows = turns(helpers, ['-ma1Ab2B(yS)'], options).timetable();
      helpers.flush();
      expect(rows).toEqual(['5 a start', '25 a done: a', '25 turn 1: max_tokens', '25 complete']);
    }),
  );

  it(
    'aborts a call that the reply withdraws, and sends only the result of the new call',
    marble((helpers) => {
      const signals: AbortSignal[] = [];
      const a = tool('a', (_, { signal }) => {
        signals.push(signal);
        return of(`run ${signals.length}`).pipe(delay(20));
      });
      const run = turns(helpers, ['-ma1AuU--r--a1AxS', ANSWER], { tools: [a], eager: true });
      const rows = run.timetable();
      helpers.flush();
      expect(rows.slice(0, 4)).toEqual([
        '5 a start',
        '9 a withdrawn: The call was taken back',
        '15 a start',
        '35 a done: run 2',
      ]);
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
      expect(run.told()).toEqual(['a: run 2']);
      expect(run.requests[1]?.messages[1]?.content).toMatchObject([{ id: 'toolu_a' }]);
    }),
  );

  it(
    'discards a call that is withdrawn while it waits, or after its result',
    marble((helpers) => {
      const tools = [after(1, 'a'), after(20, 'b'), after(20, 'c')];
      const options = { tools, eager: true, concurrency: 1 };
      const rows = turns(helpers, ['-ma1Ab2Bc3Cr-tT(AeS)'], options).timetable();
      helpers.flush();
      expect(rows).toEqual([
        '5 a start',
        '6 a done: a',
        '8 b start',
        '11 b withdrawn: The call was taken back',
        '15 turn 1: end_turn',
        '15 complete',
      ]);
    }),
  );

  it(
    'aborts its tools when the reply breaks',
    marble((helpers) => {
      let signal: AbortSignal | undefined;
      const work = helpers.cold('-');
      const a = tool('a', (_, context) => {
        ({ signal } = context);
        return work;
      });
      const rows = turns(helpers, ['-ma1Ab2B--#'], { tools: [a], eager: true }).timetable();
      helpers.expectSubscriptions(work.subscriptions).toBe('-----^----!');
      helpers.flush();
      expect(rows).toEqual(['5 a start', '10 connection']);
      expect(signal?.aborted).toBe(true);
    }),
  );
});
