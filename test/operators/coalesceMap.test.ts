import { MessageBuilder, type StreamEvent, unknownDeltas } from 'claude-rx';
import { coalesceMap } from 'claude-rx/operators/coalesceMap';
import fc from 'fast-check';
import {
  concatMap,
  EMPTY,
  from,
  map,
  mergeMap,
  NEVER,
  type Observable,
  of,
  retry,
  Subject,
  take,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import { trickyPieces } from '../support/trickyText.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  ping,
  reply,
  stop,
  synchronous,
  text,
  textStart,
} from './events.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);

const lost = new Error('lost');
const B = 'bcd';
const work = (ms: number) => (value: string) => timer(ms).pipe(map(() => value));
const failing = (ms: number) => () => timer(ms).pipe(mergeMap(() => throwError(() => lost)));

/** A step that is done when the test says so, and what it was given. */
function manual<T>(merge?: (waiting: T, next: T) => T | undefined) {
  const source = new Subject<T>();
  const done = new Subject<void>();
  const given: T[] = [];
  const project = (value: T): Observable<void> => {
    given.push(value);
    return done.pipe(take(1));
  };
  const step = coalesceMap(project, merge as (waiting: T, next: T) => T | undefined);
  const outcome: { error?: unknown; completed?: boolean } = {};
  const subscription = source.pipe(step).subscribe({
    error: (error) => (outcome.error = error),
    complete: () => (outcome.completed = true),
  });
  const push = (...values: T[]) => values.forEach((value) => source.next(value));
  return { source, done, given, outcome, subscription, push };
}

describe('coalesceMap', () => {
  it(
    'projects one value at a time, and merges all values that arrive meanwhile',
    drawn(
      'coalesceMap',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold(' -abcd---------e-|');
        const writes = '      -a---B--------e';
        const result = '      -----a---B--------(e|)';
        const subscription = '^---------------!';
        const write = new Subject<string>();
        expectObservable(write).toBe(writes, { a: 'a', B, e: 'e' });
        const step = coalesceMap((value: string) => {
          write.next(value);
          return work(4)(value);
        });
        expectObservable(source.pipe(step)).toBe(result, { a: 'a', B, e: 'e' });
        expectSubscriptions(source.subscriptions).toBe(subscription);
      }),
      { title: 'coalesceMap(write)', outputs: ['write', 'result'] },
    ),
  );

  it(
    'works like concatMap if no value has to wait',
    run(({ cold, expectObservable }) => {
      const source = cold('-a--b--c--|');
      const expected = source.pipe(concatMap(work(2)));
      expectObservable(source.pipe(coalesceMap(work(2)))).toEqual(expected);
    }),
  );

  it(
    'emits all values of `project`, and passes an index to it',
    run(({ cold, expectObservable }) => {
      const source = cold('-a-bc-d---|');
      const indexes: number[] = [];
      const step = coalesceMap((value: string, index) => {
        indexes.push(index);
        return cold('-x-(y|)', { x: `${index}${value}`, y: '.' });
      });
      // `a` at 1, `bc` at 4, `d` at 7.
      expectObservable(source.pipe(step)).toBe('--0-.1-.2-(.|)', {
        0: '0a',
        1: '1bc',
        2: '2d',
        '.': '.',
      });
    }),
  );

  it(
    'completes after the waiting values',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -abcd|');
      const result = '      -----a---(B|)';
      const subscription = '^----!';
      expectObservable(source.pipe(coalesceMap(work(4)))).toBe(result, { a: 'a', B });
      expectSubscriptions(source.subscriptions).toBe(subscription);
      expectObservable(EMPTY.pipe(coalesceMap(work(4)))).toBe('|');
    }),
  );

  it(
    'emits an error of the source after the values before it',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -abcd#', undefined, lost);
      const result = '      -----a---(B#)';
      const subscription = '^----!';
      expectObservable(source.pipe(coalesceMap(work(4)))).toBe(result, { a: 'a', B }, lost);
      expectSubscriptions(source.subscriptions).toBe(subscription);
      expectObservable(cold('--#', undefined, lost).pipe(coalesceMap(work(4)))).toBe(
        '--#',
        undefined,
        lost,
      );
    }),
  );

  it(
    'emits an error of `project` at once, and unsubscribes the source',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -abcd---e');
      const subscription = '^--!';
      expectObservable(source.pipe(coalesceMap(failing(2)))).toBe('---#', undefined, lost);
      expectSubscriptions(source.subscriptions).toBe(subscription);
      const throwing = () => {
        throw lost;
      };
      expectObservable(cold('-ab').pipe(coalesceMap(throwing))).toBe('-#', undefined, lost);
    }),
  );

  it(
    'drops waiting values on unsubscribe, and unsubscribes source and project',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -abcd---e');
      const inner = cold('   ------|');
      const leave = '       ----!';
      const subscription = '^---!';
      expectObservable(source.pipe(coalesceMap(() => inner)), leave).toBe('-----');
      expectSubscriptions(source.subscriptions).toBe(subscription);
      expectSubscriptions(inner.subscriptions).toBe('-^--!');
    }),
  );

  it(
    'unsubscribes everything when a take() after it completes',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -abcd---e');
      const step = coalesceMap(work(4));
      expectObservable(source.pipe(step, take(1))).toBe('-----(a|)');
      expectSubscriptions(source.subscriptions).toBe('^----!');
    }),
  );

  it(
    'has separate state for each subscription',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-abc#', undefined, lost);
      const step = coalesceMap((value: string, index) => work(2)(`${index}${value}`));
      const values = { x: '0a', y: '1bc' };
      expectObservable(source.pipe(step, retry(1))).toBe('---x-y--x-(y#)', values, lost);
      expectSubscriptions(source.subscriptions).toBe(['^---!', '-----^---!']);
    }),
  );

  it('works with a synchronous `project`', () => {
    const source = of('a', 'b', 'c').pipe(coalesceMap((value) => [value, value]));
    expect(outcomeOf(source)).toEqual({ values: [...'aabbcc'], completed: true });
    const { source: counted, taken } = synchronous(['a', 'b', 'c']);
    counted
      .pipe(
        coalesceMap((value) => of(value)),
        take(2),
      )
      .subscribe();
    expect(taken()).toBe(2);
  });

  it('accepts promises from `project`', async () => {
    const given: string[] = [];
    const lengths: number[] = [];
    await new Promise<void>((complete) => {
      of('a', 'b', 'c')
        .pipe(
          coalesceMap(async (value) => {
            given.push(value);
            return value.length;
          }),
        )
        .subscribe({ next: (length) => lengths.push(length), complete });
    });
    expect({ given, lengths }).toEqual({ given: ['a', 'bc'], lengths: [1, 2] });
  });

  it('keeps the order of values that arrive while `project` starts or ends', () => {
    const source = new Subject<string>();
    const done = new Subject<void>();
    const given: string[] = [];
    const seen: string[] = [];
    source
      .pipe(
        coalesceMap((value: string) => {
          given.push(value);
          // Comes while this value is being taken on.
          if (value === 'a') source.next('b');
          return done.pipe(
            take(1),
            map(() => value),
          );
        }),
      )
      .subscribe((value) => {
        seen.push(value);
        // Comes before the end of the work that gave it.
        if (value === 'b') source.next('c');
      });
    source.next('a');
    done.next();
    done.next();
    done.next();
    expect(given).toEqual(['a', 'b', 'c']);
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('treats undefined as a value', () => {
    const { push, done, given } = manual<number | undefined>(() => undefined);
    push(undefined, undefined, 1, undefined);
    for (let count = 0; count < 4; count++) done.next();
    expect(given).toEqual([undefined, undefined, 1, undefined]);
  });
});

describe('waiting values of coalesceMap', () => {
  it('are never more than one text', () => {
    const { push, done, given } = manual<string>();
    for (let index = 0; index < 1_000; index++) push(`${index} `);
    done.next();
    expect(given).toHaveLength(2);
    done.next();
    push('end');
    done.next();
    expect(given).toHaveLength(3);
    const all = Array.from({ length: 1_000 }, (_, index) => `${index} `);
    expect(given).toEqual(['0 ', all.slice(1).join(''), 'end']);
  });

  it('are one delta per block, and its start and stop', () => {
    const { push, done, given } = manual<StreamEvent>();
    const letters = (index: number) => [...'abc'].map((letter) => text(index, letter));
    push(messageStart(), textStart(0), ...letters(0), ping, ping, ...letters(0), stop(0));
    push(textStart(1), ...letters(1), stop(1), messageDelta(), messageStop);
    for (let count = 0; count < 20; count++) done.next();
    expect(given).toEqual([
      messageStart(),
      textStart(0),
      text(0, 'abc'),
      ping,
      text(0, 'abc'),
      stop(0),
      textStart(1),
      text(1, 'abc'),
      stop(1),
      messageDelta(),
      messageStop,
    ]);
  });

  it('are merged by `merge`', () => {
    const { push, done, given } = manual<number[]>((one, other) =>
      one.length < 3 ? [...one, ...other] : undefined,
    );
    for (let value = 0; value < 10; value++) push([value]);
    for (let count = 0; count < 4; count++) done.next();
    expect(given).toEqual([[0], [1, 2, 3], [4, 5, 6], [7, 8, 9]]);
  });

  it('keep their order if two cannot be merged', () => {
    const { push, done, given } = manual<string>(() => undefined);
    push('a', 'b', 'c');
    expect(given).toEqual(['a']);
    done.next();
    done.next();
    expect(given).toEqual(['a', 'b', 'c']);
  });

  it('may be many if they cannot be merged', () => {
    const first = new Subject<number>();
    const source = new Subject<number>();
    const seen: number[] = [];
    const project = (value: number) => (value === 0 ? first : of(value));
    source.pipe(coalesceMap(project, () => undefined)).subscribe((value) => seen.push(value));
    for (let value = 0; value <= 500; value++) source.next(value);
    first.complete();
    expect(seen).toHaveLength(500);
  });

  it('are merged again if a merged value is falsy', () => {
    const { push, done, given } = manual<number>((one, other) => one + other);
    push(1, 2, -2, 0, 5);
    done.next();
    expect(given).toEqual([1, 5]);
  });

  it('are an error for other values without `merge`', () => {
    const { push, given, outcome, source } = manual<number>();
    push(1, 2);
    expect(outcome).toEqual({});
    push(3);
    expect(given).toEqual([1]);
    expect(outcome.error).toBeInstanceOf(TypeError);
    expect(String(outcome.error)).toMatch(/`merge`/);
    expect(source.observed).toBe(false);
  });

  it('are dropped, with an error at once, if `merge` throws', () => {
    const { push, outcome } = manual<string>(() => {
      throw lost;
    });
    push('a', 'b', 'c');
    expect(outcome.error).toBe(lost);
  });
});

describe('coalesceMap loses nothing', () => {
  const times = fc.array(fc.nat(5), { minLength: 1, maxLength: 8 });

  /** Values that come at random times, and work of random length. */
  function worked<T extends string | StreamEvent>(
    values: readonly T[],
    arrivals: readonly number[],
    works: readonly number[],
  ): { given: T[]; most: number; ended: boolean } {
    const scheduler = new VirtualTimeScheduler();
    const wait = (list: readonly number[], index: number) => {
      const ms = list[index % list.length]!;
      return ms === 0 ? of(0) : timer(ms, scheduler);
    };
    const given: T[] = [];
    let active = 0;
    let most = 0;
    let ended = false;
    from(values)
      .pipe(
        concatMap((value, index) => wait(arrivals, index).pipe(map(() => value))),
        coalesceMap<T, Observable<unknown>>((value, index) => {
          given.push(value);
          most = Math.max(most, ++active);
          return wait(works, index).pipe(map(() => active--));
        }),
      )
      .subscribe({ complete: () => (ended = true) });
    scheduler.flush();
    return { given, most, ended };
  }

  it('of any text, at any timing', () => {
    fc.assert(
      fc.property(trickyPieces, times, times, (pieces, arrivals, works) => {
        const { given, most, ended } = worked(pieces, arrivals, works);
        expect(given.join('')).toBe(pieces.join(''));
        expect(most).toBe(1);
        expect(ended).toBe(true);
      }),
    );
  });

  it('of any reply: the projected events build the same message', () => {
    const message = (events: readonly StreamEvent[]) => {
      const builder = new MessageBuilder();
      for (const event of events) builder.push(event);
      const content = builder.message?.content.map((block) => {
        // What a block cannot take is listed there in as many pieces as came.
        const deltas = (block as { [unknownDeltas]?: object[] })[unknownDeltas];
        return deltas ? { ...block, [unknownDeltas]: textOf(deltas) } : block;
      });
      return { ...builder.message, content, stopped: builder.stopped };
    };
    const textOf = (deltas: object[]) => deltas.map((fields) => Object.values(fields)[1]).join('');
    fc.assert(
      fc.property(reply, times, times, (events, arrivals, works) => {
        const { given, ended } = worked(events, arrivals, works);
        expect(message(given)).toEqual(message(events));
        expect(ended).toBe(true);
      }),
    );
  });
});

describe('arguments of coalesceMap', () => {
  it.each([
    ['nothing', undefined, undefined],
    ['text', 'send', undefined],
    ['a merge that is no function', () => NEVER, 'join'],
    ['null for a merge', () => NEVER, null],
  ])('refuses %s when it is called', (_, project, merge) => {
    const call = () => coalesceMap(project as never, merge as never);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(/must be a function/);
  });
});
