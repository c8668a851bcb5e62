import { auditFrame } from 'claude-rx/operators/auditFrame';
import { describe, expect, it, vi } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';

/** A marble test in a page that has frames, and may be hidden. */
const withFrames =
  (test: Parameters<ReturnType<typeof testScheduler>['run']>[0], visibilityState = 'visible') =>
  () => {
    vi.stubGlobal('requestAnimationFrame', () => 0);
    vi.stubGlobal('document', { visibilityState });
    try {
      testScheduler().run(test);
    } finally {
      vi.unstubAllGlobals();
    }
  };

describe('auditFrame', () => {
  it(
    'emits the latest value, at most once per frame',
    drawn(
      'auditFrame',
      withFrames(({ animate, cold, expectObservable, expectSubscriptions }) => {
        animate('            ---x---x---x---x');
        const source = cold('ab---c--d------|');
        const result = '     ---b---c---d---|';
        expectObservable(source.pipe(auditFrame())).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^--------------!');
      }),
    ),
  );

  it(
    'emits the waiting value before completion or an error',
    withFrames(({ animate, cold, expectObservable }) => {
      animate('           --------x');
      expectObservable(cold('ab-|').pipe(auditFrame())).toBe('---(b|)');
      expectObservable(cold('ab-#').pipe(auditFrame())).toBe('---(b#)');
      expectObservable(cold('#').pipe(auditFrame())).toBe('#');
    }),
  );

  it(
    'does not wait longer than `every` when frames stop',
    withFrames(({ animate, cold, expectObservable }) => {
      animate('            ---x');
      const source = cold('a---b-----|');
      expectObservable(source.pipe(auditFrame({ every: 5 }))).toBe('---a-----b|');
    }),
  );

  it(
    'uses `every` in a hidden page',
    withFrames(({ animate, cold, expectObservable }) => {
      animate('            -x-x-x-x-x-x');
      expectObservable(cold('ab---------|').pipe(auditFrame({ every: 4 }))).toBe('----b------|');
    }, 'hidden'),
  );

  it('uses `every` on a server, and drops the waiting value on unsubscribe', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('ab-------c---|');
      const result = source.pipe(auditFrame({ every: 4 }));
      expectObservable(result, '^----------!').toBe('----b-------');
      expectSubscriptions(source.subscriptions).toBe('^----------!');
      expectObservable(cold('a|').pipe(auditFrame())).toBe('-(a|)');
    });
  });

  it('throws for an invalid `every` when it is called', () => {
    for (const every of [-1, Number.NaN, '5' as never]) {
      expect(() => auditFrame({ every })).toThrow(/auditFrame: `every` must be milliseconds/);
    }
  });
});
