import { toMessageEvents } from 'claude-rx/nest';
import { toSse } from 'claude-rx/operators/toSse';
import { asyncScheduler, map, NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { heartbeats } from '../../../src/flow/heartbeats.ts';
import { messageStart } from '../../operators/events.ts';
import { testScheduler } from '../../support/marbles.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const every = (milliseconds: number, isHeld?: () => boolean) =>
  heartbeats({ caller: 'test', every: milliseconds, beat: 'h', scheduler: asyncScheduler, isHeld });

describe('heartbeats', () => {
  it(
    'emits after each silence, and passes complete on',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--a---b------------------|');
      const result = '     --a---b-------h-------h--|';
      expectObservable(source.pipe(every(8))).toBe(result);
      expectSubscriptions(source.subscriptions).toBe('^------------------------!');
    }),
  );

  it(
    'passes an error on, and nothing follows',
    run(({ cold, expectObservable }) => {
      expectObservable(cold('----#').pipe(every(3))).toBe('---h#');
    }),
  );

  it(
    'leaves no timer when it is unsubscribed',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--a---');
      expectObservable(source.pipe(every(3)), '^------!').toBe('--a--h--');
      expectSubscriptions(source.subscriptions).toBe('^------!');
    }),
  );

  it(
    'skips a held heartbeat, and sends the next one in time',
    run(({ expectObservable }) => {
      const isHeld = () => asyncScheduler.now() < 5;
      expectObservable(NEVER.pipe(every(4, isHeld)), '^--------!').toBe('--------h-');
    }),
  );

  it(
    'has the same timing in toSse and in toMessageEvents',
    run(({ cold, expectObservable }) => {
      const source = cold('------a--------------------|', { a: messageStart() });
      const result = '     ------e---------h---------h|';
      const toLetter = map((value: unknown) =>
        /^":|comment/.test(JSON.stringify(value)) ? 'h' : 'e',
      );
      expectObservable(source.pipe(toSse({ heartbeat: 10 }), toLetter)).toBe(result);
      expectObservable(source.pipe(toMessageEvents({ heartbeat: 10 }), toLetter)).toBe(result);
    }),
  );

  it('refuses an interval that is not above 0, for its caller', () => {
    expect(() => every(0)).toThrow('test: `heartbeat` must be milliseconds above 0, not 0');
  });
});
