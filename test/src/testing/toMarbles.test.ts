import { textOnly, type StreamEvent } from 'claude-rx';
import { letters, messageEvents, toMarbles } from 'claude-rx/testing';
import { concatMap, count, delay, from, of } from 'rxjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { marbles, testScheduler } from '../../support/marbles.ts';

const hello = messageEvents.text('Hello', { chunk: 3 });

describe('letters', () => {
  it('names the events in their order, first in small letters', () => {
    const numbers = Array.from({ length: 52 }, (_, index) => index);
    const named = letters(numbers);
    expect(Object.values(named)).toEqual(numbers);
    expect([named['a'], named['z'], named['A'], named['Z']]).toEqual([0, 25, 26, 51]);
    expectTypeOf(letters(hello)).toEqualTypeOf<Record<string, StreamEvent>>();
  });

  it('refuses more events than letters, also an endless iterable', () => {
    const endless = (function* () {
      for (;;) yield { type: 'ping' };
    })();
    expect(() => letters(endless)).toThrow(TypeError);
    expect(() => letters(Array(21_045).fill(0))).toThrow(/at most 21044 events/);
  });

  it('works with a diagram that is written by hand', () => {
    testScheduler().run(({ cold, expectObservable }) => {
      const source = cold('ab-c--d(efg|)', letters(hello));
      expectObservable(source.pipe(textOnly())).toBe('---x--y(|)', { x: 'Hel', y: 'lo' });
    });
  });
});

describe('toMarbles', () => {
  it('puts events at their times, a frame apart at least, and the end at the last', () => {
    const of = (times: number[]) => toMarbles(['x', 'y', 'z'], { times }).diagram;
    expect(of([0, 1, 2])).toBe('abc|');
    expect(of([2, 2, 40])).toBe('--ab 36ms c|');
    expect(of([0, 5, 6, 9])).toBe('a----bc--|');
    for (const wrong of [[0], [0, 1, 2, 3, 4], [2, 1, 3], [0.5, 1, 2], [-1, 0, 1]]) {
      expect(() => of(wrong)).toThrow(/toMarbles: times/);
    }
  });

  it.each([
    [{}, 'abcdefg|'],
    [{ every: 3 }, 'a--b--c--d--e--f--g--|'],
    [{ every: 50, end: '#' as const }, 'a 49ms b 49ms c 49ms d 49ms e 49ms f 49ms g 49ms #'],
    [{ end: '' as const }, 'abcdefg'],
  ])('draws the events with %j', (config, diagram) => {
    expect(toMarbles(hello, config)).toStrictEqual({ diagram, values: letters([...hello]) });
  });

  it.each([1, 2, 11, 12, 40])('means events every %i ms to TestScheduler', (every) => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const { diagram, values } = toMarbles(hello, { every });
      const source = cold(diagram, values);
      const events = Object.values(values);
      const timed = from(events).pipe(
        concatMap((event, index) => of(event).pipe(delay(index === 0 ? 0 : every))),
      );
      expectObservable(source).toBe(diagram, values);
      expectObservable(timed).toEqual(
        cold(diagram.replace(/(-*| \d+ms )\|$/, '').replace(/g$/, '(g|)'), values),
      );
      expectSubscriptions(source.subscriptions).toBe(`^ ${every * events.length - 1}ms !`);
    });
  });

  it('draws more events than there are letters in the alphabet', () => {
    testScheduler().run(({ cold, expectObservable }) => {
      const events = [...messageEvents.text('x'.repeat(3_000), { chunk: 1 })];
      const { diagram, values } = toMarbles(events, { every: 2 });
      expect(new Set(Object.keys(values)).size).toBe(3_005);
      const length = cold(diagram, values).pipe(textOnly(), count());
      expectObservable(length).toBe(`${2 * 3_005}ms (n|)`, { n: 3_000 });
    });
  });

  it(
    'works with rxjs-marbles',
    marbles((m) => {
      const { diagram, values } = toMarbles(hello, { every: 5 });
      const source = m.cold(diagram, values);
      m.expect(source.pipe(textOnly())).toBeObservable('10ms x----y 19ms |', { x: 'Hel', y: 'lo' });
      m.expect(source).toHaveSubscriptions('^ 34ms !');
    }),
  );

  it('refuses invalid options', () => {
    expect(() => toMarbles(hello, { every: 0 })).toThrow(TypeError);
    expect(() => toMarbles(hello, { every: 1.5 })).toThrow(TypeError);
    expect(() => toMarbles(hello, { end: '!' as never })).toThrow(/`end` must be/);
    expect(() => toMarbles(Array(21_045).fill(0))).toThrow(/at most 21044/);
  });
});
