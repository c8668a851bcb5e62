import { describe, expect, it } from 'vitest';
import { after, ANSWER, marble, turns } from './turns.ts';

describe('runTools with replies of gateways', () => {
  it(
    'runs interleaved calls with their own inputs',
    marble((helpers) => {
      const tools = [after(5, 'a'), after(5, 'b')];
      for (const eager of [false, true]) {
        const rows = turns(helpers, ['(mab1A2BxS)', ANSWER], { tools, eager }).timetable();
        helpers.flush();
        expect(rows.map((row) => row.replace(/^\d+ /, '')).slice(0, 4)).toEqual([
          'a start',
          'b start',
          'a done: a',
          'b done: b',
        ]);
      }
    }),
  );

  it(
    'reports an input that belongs to no call to the model, and runs no call with it',
    marble((helpers) => {
      const rows = turns(helpers, ['(ma2BAxS)', ANSWER], { tools: [after(5, 'a')] }).timetable();
      helpers.flush();
      expect(rows[0]).toMatch(/0 a invalid_input: .*may lack a part/);
      expect(rows[1]).toBe('0 turn 1: continue');
    }),
  );

  it(
    'fails if the only call has no start',
    marble((helpers) => {
      const rows = turns(helpers, ['(m1AxS)', ANSWER], { tools: [after(5, 'a')] }).timetable();
      helpers.flush();
      expect(rows).toEqual(['0 protocol']);
    }),
  );

  it(
    'aborts an eager call whose input continues after it was started, with an error for the model',
    marble((helpers) => {
      const options = { tools: [after(20, 'a')], eager: true };
      const rows = turns(helpers, ['-ma1Au--1---(xS)', ANSWER], options).timetable();
      helpers.flush();
      expect(rows[0]).toBe('5 a start');
      expect(rows[1]).toMatch(/8 a invalid_input: .*continued after the call was complete/);
    }),
  );

  it(
    'replaces the result of an eager call whose input continues after it was done',
    marble((helpers) => {
      const options = { tools: [after(1, 'a')], eager: true };
      const run = turns(helpers, ['-ma1Au--1---(xS)', ANSWER], options);
      const rows = run.timetable();
      helpers.flush();
      expect(rows.slice(0, 2)).toEqual(['5 a start', '6 a done: a']);
      expect(rows[2]).toMatch(/8 a invalid_input: /);
      expect(run.told()).toEqual([expect.stringMatching(/^a: .*continued after/)]);
    }),
  );

  it(
    'lists the calls of a reply that does not wait for them, and runs them with `stopReasons`',
    marble((helpers) => {
      const tools = [after(5, 'a')];
      const silent = turns(helpers, ['(ma1AeS)'], { tools }).timetable();
      const told = turns(helpers, ['(ma1AeS)', ANSWER], { tools, stopReasons: ['end_turn'] });
      const rows = told.timetable();
      helpers.flush();
      expect(silent).toEqual(['0 turn 1: end_turn', '0 complete']);
      expect(rows.slice(0, 3)).toEqual(['0 a start', '5 a done: a', '5 turn 1: continue']);
    }),
  );
});
