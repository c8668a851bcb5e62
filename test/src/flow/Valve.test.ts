import { Valve, type ValveConfig } from 'claude-rx';
import fc from 'fast-check';
import {
  concatMap,
  EMPTY,
  from,
  map,
  mergeMap,
  NEVER,
  Observable,
  of,
  retry,
  Subject,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { whenOpen } from '../../../src/flow/whenOpen.ts';
import { drawn } from '../../diagrams/drawn.ts';
import { testScheduler } from '../../support/marbles.ts';
import { outcomeOf } from '../../operators/events.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const lost = new Error('lost');
const yesNo = { y: true, n: false };
const counts = Object.fromEntries(Array.from({ length: 10 }, (_, count) => [count, count]));
const work = (ms: number) => (value: string) => timer(ms).pipe(map(() => value));

/** Emits `text`, a letter per `period` and the first after 1, but none while the valve is closed. */
function gated(text: string, period: number, valve: Valve): Observable<string> {
  return new Observable((subscriber) => {
    const letters = [...text];
    const next = (): void => {
      const letter = letters.shift();
      if (letter === undefined) return subscriber.complete();
      subscriber.next(letter);
      if (!subscriber.closed) whenOpen(valve, subscriber, () => later(period));
    };
    const later = (ms: number) => void subscriber.add(timer(ms).subscribe(next));
    later(1);
  });
}

/** All changes of a valve, in the order in which they are told. */
function changes(valve: Valve): (number | string)[] {
  const seen: (number | string)[] = [];
  valve.depth$.subscribe((depth) => seen.push(depth));
  valve.open$.subscribe((isOpen) => seen.push(isOpen ? 'open' : 'closed'));
  return seen;
}

const expectEmpty = (valve: Valve) =>
  expect({ depth: valve.depth, isOpen: valve.isOpen }).toEqual({ depth: 0, isOpen: true });

/** A step with `count` values in it of which none is ever done. */
function filled(count: number, config?: ValveConfig) {
  const valve = new Valve(config);
  const source = new Subject<number>();
  const outcome: { error?: unknown; completed?: boolean } = {};
  const step = source.pipe(valve.concatMap(() => NEVER));
  const subscription = step.subscribe({
    error: (error) => (outcome.error = error),
    complete: () => (outcome.completed = true),
  });
  for (let value = 0; value < count; value++) source.next(value);
  return { valve, source, subscription, outcome };
}

describe('Valve', () => {
  it(
    'makes the source wait for a slow step',
    drawn(
      'Valve',
      run(({ expectObservable }) => {
        const valve = new Valve({ highWaterMark: 3, lowWaterMark: 1 });
        const given = new Subject<string>();
        const source = gated('abcdefgh', 2, valve).pipe(tap(given));
        const come = '  -a-b-c---------d-e-----';
        const depth = ' 01-2-3-2-----1-2-3-2---';
        const open = '  y----n-------y---n-----';
        const result = '-------a-----b-----c---';
        const leave = ' -----------------------!';
        expectObservable(given, leave).toBe(come);
        expectObservable(valve.depth$, leave).toBe(depth, counts);
        expectObservable(valve.open$, leave).toBe(open, yesNo);
        expectObservable(source.pipe(valve.concatMap(work(6))), leave).toBe(result);
      }),
      { title: 'valve.concatMap(work)', outputs: ['depth$', 'open$', 'result'] },
    ),
  );

  it(
    'loses no value, and never holds more than the high mark',
    run(({ expectObservable, flush }) => {
      const valve = new Valve({ highWaterMark: 2 });
      const depths: number[] = [];
      const source = gated('abcdef', 1, valve);
      valve.depth$.subscribe((depth) => depths.push(depth));
      const result = '----a--b--c--d--e--(f|)';
      expectObservable(source.pipe(valve.concatMap(work(3)))).toBe(result);
      flush();
      expect(Math.max(...depths)).toBe(2);
      expectEmpty(valve);
    }),
  );

  it('closes at the high mark and opens at the low one, not in between', () => {
    const valve = new Valve({ highWaterMark: 4, lowWaterMark: 2 });
    const seen = changes(valve);
    const source = new Subject<number>();
    const done = new Subject<void>();
    source.pipe(valve.concatMap(() => done.pipe(take(1)))).subscribe();
    for (let value = 0; value < 4; value++) source.next(value);
    done.next();
    source.next(4);
    for (let value = 0; value < 5; value++) done.next();
    const closing = [0, 'open', 1, 2, 3, 4, 'closed'];
    expect(seen).toEqual([...closing, 3, 4, 3, 2, 'open', 1, 0]);
  });

  it.each<[string, ValveConfig | undefined, number, number]>([
    ['64 and 32 where nothing is said', undefined, 64, 32],
    ['half of the high mark, rounded down', { highWaterMark: 5 }, 5, 2],
    ['none at all for a high mark of 1', { highWaterMark: 1 }, 1, 0],
    ['what is given', { highWaterMark: 10, lowWaterMark: 9 }, 10, 9],
  ])('has as its marks %s', (_, config, high, low) => {
    const { valve, source, subscription } = filled(high - 1, config);
    expect(valve).toMatchObject({ highWaterMark: high, lowWaterMark: low, isOpen: true });
    source.next(0);
    expect(valve).toMatchObject({ depth: high, isOpen: false });
    subscription.unsubscribe();
    expectEmpty(valve);
  });

  it('opens at the low mark to the value', () => {
    const valve = new Valve({ highWaterMark: 10, lowWaterMark: 9 });
    const source = new Subject<number>();
    const done = new Subject<void>();
    source.pipe(valve.concatMap(() => done.pipe(take(1)))).subscribe();
    for (let value = 0; value < 11; value++) source.next(value);
    done.next();
    expect(valve).toMatchObject({ depth: 10, isOpen: false });
    done.next();
    expect(valve).toMatchObject({ depth: 9, isOpen: true });
  });

  it('is shared by several steps, and counts the values in all of them', () => {
    const valve = new Valve({ highWaterMark: 3, lowWaterMark: 1 });
    const [one, other] = [new Subject<number>(), new Subject<number>()];
    const first = one.pipe(valve.concatMap(() => NEVER)).subscribe();
    const second = other.pipe(valve.mergeMap(() => NEVER)).subscribe();
    one.next(1);
    other.next(1);
    expect(valve).toMatchObject({ depth: 2, isOpen: true });
    other.next(2);
    expect(valve).toMatchObject({ depth: 3, isOpen: false });
    second.unsubscribe();
    expect(valve).toMatchObject({ depth: 1, isOpen: true });
    first.unsubscribe();
    expectEmpty(valve);
  });

  it(
    'is shared by two steps of one pipeline',
    run(({ expectObservable, flush }) => {
      const valve = new Valve({ highWaterMark: 2, lowWaterMark: 0 });
      const source = gated('abcd', 1, valve);
      const steps = source.pipe(valve.concatMap(work(2)), valve.concatMap(work(3)));
      // a and b come at 1 and 2; c when nothing of them is left in either step.
      expectObservable(steps).toBe('------a--b-----c--d|');
      flush();
      expectEmpty(valve);
    }),
  );
});

describe('the steps of a Valve emit the same as those of RxJS', () => {
  it(
    'concatMap',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -a-b-c-----d-|');
      const result = '      ----a--b--c---(d|)';
      const subscription = '^------------!';
      const slow = work(3);
      expectObservable(source.pipe(new Valve().concatMap(slow))).toBe(result);
      expectObservable(source.pipe(concatMap(slow))).toBe(result);
      expectSubscriptions(source.subscriptions).toBe([subscription, subscription]);
    }),
  );

  it(
    'mergeMap, all at a time and two at a time',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('(abc)-----|');
      const late = (value: string) => work({ a: 5, b: 3, c: 1 }[value] ?? 0)(value);
      const valve = new Valve();
      expectObservable(source.pipe(valve.mergeMap(late))).toBe('-c-b-a----|');
      expectObservable(source.pipe(valve.mergeMap(late, 2))).toBe('---bca----|');
      expectSubscriptions(source.subscriptions).toBe(['^---------!', '^---------!']);
    }),
  );

  it('for any source, any work, any concurrency', () => {
    const item = fc.record({
      after: fc.nat(4),
      work: fc.array(fc.nat(3), { maxLength: 3 }),
    });
    const items = fc.array(item, { maxLength: 12 });
    const concurrency = fc.constantFrom(1, 2, 3, Infinity);
    fc.assert(
      fc.property(items, concurrency, (all, concurrent) => {
        testScheduler().run(({ expectObservable, flush }) => {
          const valve = new Valve({ highWaterMark: 3 });
          const source = from(all).pipe(
            concatMap((value, at) =>
              (value.after ? timer(value.after) : of(0)).pipe(map(() => at)),
            ),
          );
          const project = (at: number, index: number): Observable<string> =>
            from(all[at]!.work).pipe(
              concatMap((ms, part) =>
                (ms ? timer(ms) : of(0)).pipe(map(() => `${index}: ${at}.${part}`)),
              ),
            );
          expectObservable(source.pipe(valve.mergeMap(project, concurrent))).toEqual(
            source.pipe(mergeMap(project, concurrent)),
          );
          if (concurrent === 1) {
            expectObservable(source.pipe(valve.concatMap(project))).toEqual(
              source.pipe(concatMap(project)),
            );
          }
          flush();
          expectEmpty(valve);
        });
      }),
    );
  });

  it('with promises, arrays and generators for results', async () => {
    const valve = new Valve();
    const inputs = [Promise.resolve('promise'), ['array'], of('observable')];
    const seen: string[] = [];
    await new Promise<void>((complete) => {
      from(inputs)
        .pipe(valve.concatMap((input) => input))
        .subscribe({ next: (value) => seen.push(value), complete });
    });
    expect(seen).toEqual(['promise', 'array', 'observable']);
    expectEmpty(valve);
  });

  it('with work that does not wait', () => {
    const valve = new Valve({ highWaterMark: 1 });
    const seen = changes(valve);
    const source = of('a', 'b').pipe(valve.concatMap((value) => of(value, value)));
    expect(outcomeOf(source)).toEqual({ values: ['a', 'a', 'b', 'b'], completed: true });
    expect(seen).toEqual([0, 'open', 1, 'closed', 0, 'open', 1, 'closed', 0, 'open']);
  });
});

describe('a Valve when something ends', () => {
  it(
    'delays an error of the source until all values before it are handled',
    run(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const valve = new Valve({ highWaterMark: 2 });
      const source = cold(' -a-b-c-#', undefined, lost);
      const result = '      -----a---b---(c#)';
      const subscription = '^------!';
      expectObservable(source.pipe(valve.concatMap(work(4)))).toBe(result, undefined, lost);
      expectSubscriptions(source.subscriptions).toBe(subscription);
      flush();
      expectEmpty(valve);
    }),
  );

  it(
    'passes an error of the source on at once when nothing waits',
    run(({ cold, expectObservable }) => {
      const step = new Valve().concatMap(work(1));
      expectObservable(cold('-a---#', undefined, lost).pipe(step)).toBe('--a--#', undefined, lost);
      expectObservable(throwError(() => lost).pipe(step)).toBe('#', undefined, lost);
    }),
  );

  it(
    'passes an error of the step on at once, and unsubscribes from the source',
    run(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const valve = new Valve({ highWaterMark: 2 });
      const source = cold(' -a-b-c-d-e-');
      const result = '      -----a-#';
      const subscription = '^------!';
      const failing = (value: string) =>
        value === 'a' ? work(4)(value) : timer(2).pipe(mergeMap(() => throwError(() => lost)));
      expectObservable(source.pipe(valve.concatMap(failing))).toBe(result, undefined, lost);
      expectSubscriptions(source.subscriptions).toBe(subscription);
      flush();
      expectEmpty(valve);
    }),
  );

  it(
    'prefers an error of the step to one of the source that waits',
    run(({ cold, expectObservable, flush }) => {
      const valve = new Valve();
      const later = new Error('later');
      const source = cold('-a#', undefined, later);
      const failing = () => timer(4).pipe(mergeMap(() => throwError(() => lost)));
      expectObservable(source.pipe(valve.concatMap(failing))).toBe('-----#', undefined, lost);
      flush();
      expectEmpty(valve);
    }),
  );

  it.each([
    ['throws', 1],
    ['throws for a value that had waited', 2],
    ['gives what is nothing to subscribe to', 3],
  ])('counts no values of a step whose function %s', (_, kind) => {
    const valve = new Valve({ highWaterMark: 1 });
    const done = new Subject<never>();
    const source = new Subject<number>();
    const outcome = { error: undefined as unknown };
    const project = (value: number) => {
      if (value < kind) return done;
      if (kind === 3) return 5 as never;
      throw lost;
    };
    source.pipe(valve.concatMap(project)).subscribe({ error: (error) => (outcome.error = error) });
    for (const value of [1, 2, 3, 4]) source.next(value);
    done.complete();
    if (kind === 3) expect(outcome.error).toBeInstanceOf(TypeError);
    else expect(outcome.error).toBe(lost);
    expectEmpty(valve);
    expect(source.observed).toBe(false);
  });

  it('opens when unsubscribed while closed, and unsubscribes from the source', () => {
    const { valve, source, subscription, outcome } = filled(5, { highWaterMark: 2 });
    const seen = changes(valve);
    subscription.unsubscribe();
    expect(seen).toEqual([5, 'closed', 0, 'open']);
    expect(outcome).toEqual({});
    expect(source.observed).toBe(false);
  });

  it('counts each value only once when work and source complete', () => {
    const { valve, source, subscription } = filled(2);
    source.complete();
    expect(valve.depth).toBe(2);
    subscription.unsubscribe();
    expectEmpty(valve);
    subscription.unsubscribe();
    expectEmpty(valve);
  });

  it(
    'counts no waiting values when enough values were taken',
    run(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const valve = new Valve({ highWaterMark: 2 });
      const source = cold(' -abcde-');
      const result = '      ----a--(b|)';
      const subscription = '^------!';
      expectObservable(source.pipe(valve.concatMap(work(3)), take(2))).toBe(result);
      expectSubscriptions(source.subscriptions).toBe(subscription);
      flush();
      expectEmpty(valve);
    }),
  );

  it.each([1, 2, Infinity])(
    'counts no values when synchronous work ends the step (%s at a time)',
    (concurrent) => {
      const valve = new Valve({ highWaterMark: 1 });
      const seen = changes(valve);
      const source = new Subject<number>();
      source
        .pipe(
          valve.mergeMap((value) => of(value), concurrent),
          take(1),
        )
        .subscribe();
      source.next(1);
      expect(seen).toEqual([0, 'open', 1, 'closed', 0, 'open']);
    },
  );

  it(
    'has separate state for each subscription',
    run(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const valve = new Valve({ highWaterMark: 2 });
      const source = cold('-ab#', undefined, lost);
      const indexes: number[] = [];
      const step = valve.concatMap((value: string, index) => {
        indexes.push(index);
        return work(2)(value);
      });
      const result = '     ---a-b--a-(b#)';
      expectObservable(source.pipe(step, retry(1))).toBe(result, undefined, lost);
      expectSubscriptions(source.subscriptions).toBe(['^--!', '-----^--!']);
      flush();
      expect(indexes).toEqual([0, 1, 0, 1]);
      expectEmpty(valve);
    }),
  );

  it(
    'stops a synchronous source on unsubscribe',
    run(({ expectObservable, flush }) => {
      const valve = new Valve();
      let taken = 0;
      const source = from([1, 2, 3, 4]).pipe(tap(() => taken++));
      expectObservable(
        source.pipe(
          valve.concatMap((value) => of(`${value}`)),
          take(2),
        ),
      ).toBe('(xy|)', { x: '1', y: '2' });
      flush();
      expect(taken).toBe(2);
      expectEmpty(valve);
    }),
  );
});

describe('a Valve whose listeners react', () => {
  it('passes the latest state to every listener, also when a listener changes it', () => {
    const valve = new Valve({ highWaterMark: 2 });
    const source = new Subject<number>();
    const subscription = source.pipe(valve.concatMap(() => NEVER)).subscribe();
    // It hears first, and leaves when the valve closes: the others then hear of what is no more.
    valve.open$.subscribe((isOpen) => {
      if (!isOpen) subscription.unsubscribe();
    });
    const seen = changes(valve);
    source.next(1);
    source.next(2);
    expect(seen).toEqual([0, 'open', 1, 0]);
    expectEmpty(valve);
  });

  it('takes a value that arrives while listeners are called', () => {
    const valve = new Valve({ highWaterMark: 2, lowWaterMark: 0 });
    const source = new Subject<number>();
    const done = new Subject<void>();
    const worked: number[] = [];
    source
      .pipe(
        valve.concatMap((value) => {
          worked.push(value);
          return done.pipe(take(1));
        }),
      )
      .subscribe();
    valve.depth$.subscribe((depth) => {
      if (depth === 1 && worked.length === 0) source.next(2);
    });
    const seen = changes(valve);
    source.next(1);
    expect(valve).toMatchObject({ depth: 2, isOpen: false });
    done.next();
    done.next();
    expectEmpty(valve);
    expect(worked.toSorted()).toEqual([1, 2]);
    expect(seen).toEqual([0, 'open', 2, 'closed', 1, 0, 'open']);
  });

  it('supports listeners that add or remove a step', () => {
    const valve = new Valve({ highWaterMark: 1 });
    const [one, other] = [new Subject<number>(), new Subject<number>()];
    const first = one.pipe(valve.concatMap(() => NEVER)).subscribe();
    valve.open$.pipe(take(2)).subscribe((isOpen) => {
      if (isOpen) return;
      other.pipe(valve.concatMap(() => NEVER)).subscribe();
      other.next(1);
      first.unsubscribe();
    });
    one.next(1);
    expect(valve).toMatchObject({ depth: 1, isOpen: false });
  });

  it('keeps the order when a source continues at the end of the previous work', () => {
    const valve = new Valve({ highWaterMark: 1, lowWaterMark: 0 });
    const source = new Subject<number>();
    const done = new Subject<void>();
    const seen: number[] = [];
    let next = 1;
    source
      .pipe(
        valve.concatMap((value) =>
          done.pipe(
            take(1),
            map(() => value),
          ),
        ),
      )
      .subscribe((value) => seen.push(value));
    valve.open$.subscribe((isOpen) => {
      if (isOpen) source.next(next++);
    });
    for (let count = 0; count < 5; count++) done.next();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(valve).toMatchObject({ depth: 1, isOpen: false });
  });
});

describe('a step of a Valve that is not an operator', () => {
  it('counts with the other steps, and notifies each listener', () => {
    const valve = new Valve({ highWaterMark: 3, lowWaterMark: 1 });
    const [one, other] = [valve.step(), valve.step()];
    const seen: (number | boolean)[] = [];
    valve.depth$.subscribe((depth) => seen.push(depth));
    valve.open$.subscribe((isOpen) => seen.push(isOpen));
    one.enter();
    other.enter();
    one.enter();
    one.leave(2);
    expect(seen).toEqual([0, true, 1, 2, 3, false, 1, true]);
  });

  it('never counts below zero', () => {
    const valve = new Valve({ highWaterMark: 3 });
    const [one, other] = [valve.step(), valve.step()];
    one.enter();
    other.enter();
    one.leave(5);
    expect(valve.depth).toBe(1);
    one.end();
    other.end();
    other.end();
    expect([valve.depth, valve.isOpen]).toEqual([0, true]);
  });
});

describe('whenOpen', () => {
  it('continues at once without a valve and with an open valve', () => {
    const seen: string[] = [];
    new Observable((subscriber) => {
      whenOpen(undefined, subscriber, () => seen.push('none'));
      whenOpen(new Valve(), subscriber, () => seen.push('open'));
    }).subscribe();
    expect(seen).toEqual(['none', 'open']);
  });

  it('waits for a closed valve, continues once, and not after unsubscribe', () => {
    const closed = filled(1, { highWaterMark: 1 });
    const { valve, subscription, source } = closed;
    const seen: string[] = [];
    const waiting = (name: string) =>
      new Observable((subscriber) =>
        whenOpen(valve, subscriber, () => seen.push(name)),
      ).subscribe();
    waiting('stays');
    waiting('leaves').unsubscribe();
    expect(seen).toEqual([]);
    subscription.unsubscribe();
    expect(seen).toEqual(['stays']);
    source.pipe(valve.concatMap(() => EMPTY)).subscribe();
    source.next(1);
    expect(seen).toEqual(['stays']);
  });
});

describe('Valve and its arguments', () => {
  it.each<[ValveConfig, RegExp]>([
    [{ highWaterMark: 0 }, /`highWaterMark` .* not 0/],
    [{ highWaterMark: -1 }, /`highWaterMark` .* not -1/],
    [{ highWaterMark: 1.5 }, /`highWaterMark` .* not 1.5/],
    [{ highWaterMark: Number.NaN }, /not NaN/],
    [{ highWaterMark: Infinity }, /not Infinity/],
    [{ highWaterMark: '8' as never }, /`highWaterMark` .* not '8'/],
    [{ highWaterMark: 8, lowWaterMark: 8 }, /`lowWaterMark` .* at most 7, not 8/],
    [{ highWaterMark: 8, lowWaterMark: -1 }, /`lowWaterMark` .* not -1/],
    [{ highWaterMark: 8, lowWaterMark: 2.5 }, /`lowWaterMark` .* not 2.5/],
    [{ lowWaterMark: 64 }, /`lowWaterMark` .* not 64/],
  ])('refuses the marks %o', (config, message) => {
    expect(() => new Valve(config)).toThrow(TypeError);
    expect(() => new Valve(config)).toThrow(message);
  });

  it('throws for an argument that is not a function, when called', () => {
    for (const name of ['concatMap', 'mergeMap'] as const) {
      expect(() => new Valve()[name]('save' as never)).toThrow(TypeError);
      expect(() => new Valve()[name](undefined as never)).toThrow(
        `Valve.${name}: \`project\` must be a function`,
      );
    }
  });

  it.each([0, -1, 1.5, Number.NaN, '2'])('refuses to work on %s values at a time', (concurrent) => {
    const call = () => new Valve().mergeMap(() => EMPTY, concurrent as number);
    expect(call).toThrow(TypeError);
    expect(call).toThrow('`concurrent` must be a whole number, at least 1');
  });
});
