import { bufferText, type BufferTextConfig } from 'claude-rx/operators/bufferText';
import fc from 'fast-check';
import {
  animationFrameScheduler,
  asapScheduler,
  EMPTY,
  finalize,
  from,
  NEVER,
  Observable,
  of,
  queueScheduler,
  Subject,
  type SchedulerLike,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import { clusterBoundaries, trickyPieces } from '../support/trickyText.ts';
import { synchronous } from './events.ts';
import { rounds } from '../support/rounds.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);
const lost = new Error('lost');

describe('bufferText', () => {
  it(
    'joins text, and emits its last character when no more text arrives for `settle`',
    drawn(
      'bufferText',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold(' -a-b----------------c-|', { a: 'Hel', b: 'lo.', c: ' Bye' });
        const result = '      ------x------y--------(z|)';
        const subscription = '^---------------------!';
        expectObservable(source.pipe(bufferText({ every: 5, settle: 10 }))).toBe(result, {
          x: 'Hello',
          y: '.',
          z: ' Bye',
        });
        expectSubscriptions(source.subscriptions).toBe(subscription);
      }),
      { title: 'bufferText({ every: 5, settle: 10 })' },
    ),
  );

  it(
    'accepts only an interval, and has the defaults 50 ms and 1,000 ms',
    run(({ cold, expectObservable }) => {
      const values = { a: 'Hi.\n', b: 'Bye.' };
      expectObservable(cold('a', values).pipe(bufferText(7))).toBe('7ms a', values);
      expectObservable(cold('a', values).pipe(bufferText())).toBe('50ms a', values);
      expectObservable(cold('b', values).pipe(bufferText({}))).toBe('50ms x 949ms y', {
        x: 'Bye',
        y: '.',
      });
    }),
  );

  it(
    'emits at most once per interval while text keeps arriving',
    run(({ cold, expectObservable }) => {
      const source = cold('abcdefgh--|', lines('abcdefgh'));
      const result = '     ---x---y--|';
      expectObservable(source.pipe(bufferText(3))).toBe(result, {
        x: 'a\nb\nc\nd\n',
        y: 'e\nf\ng\nh\n',
      });
    }),
  );

  it(
    'counts the interval from the first waiting text, not periodically',
    run(({ cold, expectObservable }) => {
      const source = cold('a-------b---------c', lines('abc'));
      const result = '     ----a-------b---------c';
      expectObservable(source.pipe(bufferText(4))).toBe(result, lines('abc'));
    }),
  );

  it(
    'emits at once when maxLength is reached, and then restarts the interval',
    run(({ cold, expectObservable }) => {
      const source = cold('a--b------c--|', { a: 'ab\n', b: 'cdefgh\n', c: 'x' });
      const result = '     ---w---------(x|)';
      expectObservable(source.pipe(bufferText({ every: 8, maxLength: 10 }))).toBe(result, {
        w: 'ab\ncdefgh\n',
        x: 'x',
      });
    }),
  );

  it(
    'includes the held-back character in maxLength',
    run(({ cold, expectObservable }) => {
      const source = cold('a---b|', { a: 'abcd', b: 'efg' });
      const result = '     x---y(z|)';
      expectObservable(source.pipe(bufferText({ every: 2, maxLength: 4 }))).toBe(result, {
        x: 'abc',
        y: 'def',
        z: 'g',
      });
    }),
  );

  it(
    'does not split text that is longer than maxLength',
    run(({ cold, expectObservable }) => {
      const values = { a: 'a long line\n' };
      expectObservable(cold('--a-', values).pipe(bufferText({ maxLength: 1 }))).toBe(
        '--a-',
        values,
      );
    }),
  );

  it(
    'emits the waiting text, then completes',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b|', { a: 'Hello', b: ' you' });
      expectObservable(source.pipe(bufferText(10))).toBe('----(x|)', { x: 'Hello you' });
      expectSubscriptions(source.subscriptions).toBe('    ^---!');
    }),
  );

  it(
    'emits the waiting text, then errors',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b#', { a: 'Hello', b: ' you' }, lost);
      expectObservable(source.pipe(bufferText(10))).toBe('----(x#)', { x: 'Hello you' }, lost);
      expectSubscriptions(source.subscriptions).toBe('    ^---!');
    }),
  );

  it(
    'emits nothing for empty text, and starts no timer for it',
    run(({ cold, expectObservable }) => {
      const scheduler = new VirtualTimeScheduler();
      const source = cold('a-a--|', { a: '' });
      expectObservable(source.pipe(bufferText({ every: 1, scheduler }))).toBe('-----|');
      expect(scheduler.actions).toHaveLength(0);
    }),
  );

  it(
    'emits nothing for a source without text',
    run(({ cold, expectObservable }) => {
      expectObservable(cold('---|').pipe(bufferText(1))).toBe('---|');
      expectObservable(cold('---#', {}, lost).pipe(bufferText(1))).toBe('---#', {}, lost);
    }),
  );

  it(
    'drops the waiting text on unsubscribe, also by a takeUntil after it',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' a--b--c--', lines('abc'));
      const unsubscribe = '------!';
      const result = '     ----x--';
      expectObservable(source.pipe(bufferText(4)), unsubscribe).toBe(result, { x: 'a\nb\n' });
      expectObservable(source.pipe(bufferText(4), takeUntil(timer(6)))).toBe('----x-|', {
        x: 'a\nb\n',
      });
      expectSubscriptions(source.subscriptions).toBe(['^-----!', '^-----!']);
    }),
  );

  it(
    'emits the waiting text when `until` emits, then completes',
    run(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b--c--', lines('abc'));
      const until = hot('  -----x---');
      const result = '     -----(x|)';
      expectObservable(source.pipe(bufferText({ every: 20, until }))).toBe(result, { x: 'a\nb\n' });
      expectSubscriptions(source.subscriptions).toBe('^----!');
      expectSubscriptions(until.subscriptions).toBe(' ^----!');
    }),
  );

  it(
    'emits the waiting text when `until` fails, then fails with its error',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b--c--', lines('abc'));
      const until = cold(' -----#', {}, lost);
      const result = '     -----(x#)';
      const values = { x: 'a\nb\n' };
      expectObservable(source.pipe(bufferText({ every: 20, until }))).toBe(result, values, lost);
      expectSubscriptions(source.subscriptions).toBe('^----!');
    }),
  );

  it(
    'continues when `until` completes without a value, and unsubscribes it at the end',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b--c--|', lines('abc'));
      const until = cold(' -|');
      const never = cold(' -');
      const result = '     ---------(x|)';
      const values = { x: 'a\nb\nc\n' };
      expectObservable(source.pipe(bufferText({ every: 20, until }))).toBe(result, values);
      expectObservable(source.pipe(bufferText({ every: 20, until: never }))).toBe(result, values);
      expectSubscriptions(never.subscriptions).toBe('^--------!');
    }),
  );

  it('accepts a promise as `until`', async () => {
    const source = new Subject<string>();
    const seen: string[] = [];
    const completed = new Promise<void>((complete) =>
      source
        .pipe(bufferText({ every: 1_000, until: Promise.resolve() }))
        .subscribe({ next: (text) => seen.push(text), complete }),
    );
    source.next('Hel');
    source.next('lo');
    await completed;
    expect(seen).toEqual(['Hello']);
  });

  it(
    'does not subscribe to the source when `until` emits at once',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a|');
      expectObservable(source.pipe(bufferText({ until: of(0) }))).toBe('|');
      expectSubscriptions(source.subscriptions).toBe([]);
    }),
  );

  it(
    'has separate state for each subscription',
    run(({ cold, expectObservable }) => {
      const result = cold('a--b--|', { a: 'He', b: 'y' }).pipe(bufferText(20));
      expectObservable(result).toBe('------(x|)', { x: 'Hey' });
      expectObservable(result, '-----!').toBe('------');
      expectObservable(result, '---^').toBe('---------(x|)', { x: 'Hey' });
    }),
  );
});

describe('bufferText at the edge of a character', () => {
  it(
    'keeps a surrogate pair together',
    run(({ cold, expectObservable }) => {
      const source = cold('a----b----|', { a: 'Hi \ud83d', b: '\udc4d\n' });
      const result = '     --x----y--|';
      expectObservable(source.pipe(bufferText(2))).toBe(result, { x: 'Hi', y: ' 👍\n' });
    }),
  );

  it(
    'keeps a family emoji together over several intervals',
    run(({ cold, expectObservable }) => {
      const values = { a: 'a👩', b: '\u200d', c: '👩\u200d', d: '👧', e: '!\n' };
      const source = cold('a---b---c---d---e---|', values);
      const result = '     --x---------------y-|';
      expectObservable(source.pipe(bufferText(2))).toBe(result, { x: 'a', y: '👩‍👩‍👧!\n' });
    }),
  );

  it(
    'does not pair letters of two different flags',
    run(({ cold, expectObservable }) => {
      const source = cold('a---b---c---|', { a: '🇩', b: '🇪🇫', c: '🇷\n' });
      const result = '     ------x---y-|';
      expectObservable(source.pipe(bufferText(2))).toBe(result, { x: '🇩🇪', y: '🇫🇷\n' });
    }),
  );

  it(
    'holds back a CR until the next character, but no line feed',
    run(({ cold, expectObservable }) => {
      const source = cold('a---b---c---|', { a: 'one\n', b: 'two\r', c: '\nthree\n' });
      const result = '     --x---y---z-|';
      expectObservable(source.pipe(bufferText(2))).toBe(result, {
        x: 'one\n',
        y: 'two',
        z: '\r\nthree\n',
      });
    }),
  );

  it(
    'restarts `settle` with each text',
    run(({ cold, expectObservable }) => {
      const source = cold('a--b-------c---|', { a: 'ab', b: 'c', c: '' });
      //                   flushed at 2 and 5; 'c' at 3 + 9, for empty text does not count
      const result = '     --x--y------z--|';
      expectObservable(source.pipe(bufferText({ every: 2, settle: 9 }))).toBe(result, {
        x: 'a',
        y: 'b',
        z: 'c',
      });
    }),
  );

  it(
    'holds nothing back that has already waited for `settle`',
    run(({ cold, expectObservable }) => {
      expectObservable(
        cold('ab---', { a: 'Hel', b: 'lo' }).pipe(bufferText({ every: 10, settle: 9 })),
      ).toBe('10ms x', { x: 'Hello' });
      expectObservable(
        cold('a----', { a: 'Hello' }).pipe(bufferText({ every: 3, settle: 0 })),
      ).toBe('---x', { x: 'Hello' });
    }),
  );

  it(
    'emits half a surrogate pair only at the end',
    run(({ cold, expectObservable }) => {
      const values = { a: 'a👍\ud83d' };
      const config = { every: 2, settle: 6 };
      expectObservable(cold('a-----------|', values).pipe(bufferText(config))).toBe(
        '--x---y-----(z|)',
        { x: 'a', y: '👍', z: '\ud83d' },
      );
      expectObservable(cold('a-----------#', values, lost).pipe(bufferText(config))).toBe(
        '--x---y-----(z#)',
        { x: 'a', y: '👍', z: '\ud83d' },
        lost,
      );
    }),
  );

  it(
    'joins half a surrogate pair with its other half, also after `settle`',
    run(({ cold, expectObservable }) => {
      const source = cold('a---------b--|', { a: '\ud83d', b: '\udc4d\n' });
      const result = '     ------------x|';
      expectObservable(source.pipe(bufferText({ every: 2, settle: 6 }))).toBe(result, {
        x: '👍\n',
      });
    }),
  );

  it(
    'with `settle: Infinity` waits for the end, with `every: Infinity` for maxLength',
    run(({ cold, expectObservable }) => {
      const source = cold('ab-- 60m c|', { a: 'Hel', b: 'lo', c: '!\n' });
      expectObservable(source.pipe(bufferText({ every: 3, settle: Infinity }))).toBe(
        '---x 60m -(y|)',
        {
          x: 'Hell',
          y: 'o!\n',
        },
      );
      expectObservable(source.pipe(bufferText({ every: Infinity, maxLength: 7 }))).toBe(
        '---- 60m x|',
        { x: 'Hello!\n' },
      );
    }),
  );
});

describe('timer of bufferText', () => {
  it('runs while text waits, and only then', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    const subscription = source.pipe(bufferText({ every: 10, settle: 100, scheduler })).subscribe();
    const timers = () => scheduler.actions.length;

    expect(timers()).toBe(0);
    source.next('Hel');
    source.next('lo');
    expect(timers()).toBe(1);
    scheduler.maxFrames = 10;
    scheduler.flush();
    expect(timers()).toBe(1);
    scheduler.maxFrames = 100;
    scheduler.flush();
    expect(timers()).toBe(0);
    source.next('\ud83d');
    scheduler.maxFrames = 110;
    scheduler.flush();
    expect(timers()).toBe(0);
    source.next('more');
    expect(timers()).toBe(1);
    subscription.unsubscribe();
    expect(timers()).toBe(0);
  });

  it.each([
    ['completion', (source: Subject<string>) => source.complete()],
    ['an error', (source: Subject<string>) => source.error(lost)],
  ])('does not run after %s', (_, end) => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    source.pipe(bufferText({ scheduler })).subscribe({ error: () => {} });
    source.next('a');
    end(source);
    expect(scheduler.actions).toHaveLength(0);
  });

  it('does not run after an unsubscribe during an output', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    const seen: string[] = [];
    source.pipe(bufferText({ scheduler }), take(1)).subscribe((text) => seen.push(text));
    source.next('Hello');
    scheduler.flush();
    expect(seen).toEqual(['Hell']);
    expect(source.observed).toBe(false);
    expect(scheduler.actions).toHaveLength(0);
  });

  it('requests no delay that is too long for a timer of the platform', () => {
    vi.useFakeTimers();
    try {
      const source = new Subject<string>();
      const long = Number.MAX_SAFE_INTEGER;
      const subscription = source.pipe(bufferText({ every: long })).subscribe();
      source.next('Hello');
      expect(vi.getTimerCount()).toBe(0);
      subscription.unsubscribe();
    } finally {
      vi.useRealTimers();
    }
  });

  it('survives a clock that is set back', () => {
    const scheduler = new VirtualTimeScheduler();
    let offset = 0;
    const shifted: SchedulerLike = {
      now: () => scheduler.now() + offset,
      schedule: (...args: Parameters<SchedulerLike['schedule']>) => scheduler.schedule(...args),
    };
    const seen: Array<[number, string]> = [];
    const source = new Subject<string>();
    source
      .pipe(bufferText({ every: 10, settle: 100, scheduler: shifted }))
      .subscribe((text) => seen.push([scheduler.frame, text]));
    source.next('Hello');
    offset = -3_600_000;
    scheduler.flush();
    expect(seen).toEqual([
      [10, 'Hell'],
      [110, 'o'],
    ]);
  });

  it.each([
    ['queueScheduler', queueScheduler],
    ['asapScheduler', asapScheduler],
  ])('loses nothing on %s', async (_, scheduler) => {
    const seen: string[] = [];
    const source = new Subject<string>();
    source.pipe(bufferText({ every: 0, scheduler })).subscribe((text) => seen.push(text));
    for (const text of ['Hel', 'lo ', 'you\n']) source.next(text);
    await Promise.resolve();
    expect(seen.join('')).toBe('Hello you\n');
    source.complete();
  });

  it(
    'emits once per frame with `every: 0` and the animationFrameScheduler',
    run(({ animate, cold, expectObservable }) => {
      animate('            ---x---x---x---x---x---');
      const source = cold('ab---c--d----------|', { ...lines('abc'), d: 'Hi' });
      const result = '     ---x---y---z-------(i|)';
      const config = { every: 0, scheduler: animationFrameScheduler };
      expectObservable(source.pipe(bufferText(config))).toBe(result, {
        x: 'a\nb\n',
        y: 'c\n',
        z: 'H',
        i: 'i',
      });
    }),
  );

  it(
    'joins the text of one turn of the event loop with `every: 0`',
    run(({ cold, expectObservable }) => {
      const source = cold('(abc)--d--|', lines('abcd'));
      const result = '     x------d--|';
      expectObservable(source.pipe(bufferText(0))).toBe(result, { ...lines('d'), x: 'a\nb\nc\n' });
    }),
  );
});

describe('bufferText with `frame`', () => {
  const withFrames = (test: Parameters<typeof run>[0], visibilityState = 'visible') => {
    return () => {
      vi.stubGlobal('requestAnimationFrame', () => 0);
      vi.stubGlobal('document', { visibilityState });
      try {
        run(test)();
      } finally {
        vi.unstubAllGlobals();
      }
    };
  };

  it(
    'emits once per frame, and requests no frame without text',
    withFrames(({ animate, cold, expectObservable, expectSubscriptions }) => {
      animate('            ---x---x---x---x---x---');
      const source = cold('ab---c--d----------|', { ...lines('abc'), d: 'Hi' });
      const result = '     ---x---y---z-------(i|)';
      const subscription = '^------------------!';
      expectObservable(source.pipe(bufferText({ frame: true }))).toBe(result, {
        x: 'a\nb\n',
        y: 'c\n',
        z: 'H',
        i: 'i',
      });
      expectSubscriptions(source.subscriptions).toBe(subscription);
    }),
  );

  it(
    'uses a timer if a requested frame does not come because the page was hidden',
    withFrames(({ animate, cold, expectObservable }) => {
      animate('            ---x 200ms x');
      const source = cold('a----b----c-----|', lines('abc'));
      const result = '     ---x------------(y|)';
      const values = { x: 'a\n', y: 'b\nc\n' };
      expectObservable(source.pipe(bufferText({ frame: true }))).toBe(result, values);
      const open = cold('  a----b----c------', lines('abc'));
      expectObservable(open.pipe(bufferText({ frame: true }))).toBe('---x 101ms y', values);
    }),
  );

  it(
    'uses a timer in a hidden page: 16 ms, or `every`',
    withFrames(({ animate, cold, expectObservable }) => {
      animate('            ---x---x---x---x---x---');
      const source = cold('a----b', lines('ab'));
      expectObservable(source.pipe(bufferText({ frame: true }))).toBe('16ms x', { x: 'a\nb\n' });
      expectObservable(source.pipe(bufferText({ frame: true, every: 4 }))).toBe(
        '----a----b',
        lines('ab'),
      );
    }, 'hidden'),
  );

  it(
    'uses a timer if there are no frames',
    run(({ cold, expectObservable }) => {
      const source = cold('a----b', lines('ab'));
      expectObservable(source.pipe(bufferText({ frame: true }))).toBe('16ms x', { x: 'a\nb\n' });
    }),
  );

  it(
    'checks for each text whether the page is hidden',
    withFrames(({ animate, cold, expectObservable }) => {
      animate('            ---x---x---x---x---x---');
      const source = cold('a------b---------------', lines('ab')).pipe(
        tap((text) => {
          if (text === 'b\n') vi.stubGlobal('document', { visibilityState: 'hidden' });
        }),
      );
      const result = '     ---x--- 15ms -y';
      expectObservable(source.pipe(bufferText({ frame: true }))).toBe(result, {
        x: 'a\n',
        y: 'b\n',
      });
    }),
  );

  it.each([
    ['completion', (source: Subject<string>) => source.complete()],
    ['an error', (source: Subject<string>) => source.error(lost)],
    ['a frame', () => {}],
    ['leaving', (_: Subject<string>, leave: () => void) => leave()],
  ])('has no requested frame and no timer after %s', (_, end) => {
    const scheduler = new VirtualTimeScheduler();
    const frames = new Map<number, FrameRequestCallback>();
    let handle = 0;
    vi.stubGlobal('requestAnimationFrame', (callback: FrameRequestCallback) => {
      frames.set(++handle, callback);
      return handle;
    });
    vi.stubGlobal('cancelAnimationFrame', (own: number) => frames.delete(own));
    try {
      const source = new Subject<string>();
      const seen: string[] = [];
      const subscription = source
        .pipe(bufferText({ frame: true, scheduler }))
        .subscribe({ next: (text) => seen.push(text), error: () => {} });
      source.next('a\n');
      source.next('b\n');
      expect([frames.size, scheduler.actions.length]).toEqual([1, 1]);
      end(source, () => subscription.unsubscribe());
      for (const [own, callback] of frames) {
        frames.delete(own);
        callback(0);
      }
      expect([frames.size, scheduler.actions.length]).toEqual([0, 0]);
      expect(seen).toEqual(subscription.closed && seen.length === 0 ? [] : ['a\nb\n']);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('bufferText with a synchronous source', () => {
  it('takes no more from the source than needed', () => {
    const { source, taken } = synchronous(Array.from({ length: 1_000 }, () => 'line\n'));
    const seen: string[] = [];
    source.pipe(bufferText({ maxLength: 1 }), take(2)).subscribe((text) => seen.push(text));
    expect(seen).toEqual(['line\n', 'line\n']);
    expect(taken()).toBe(2);
  });

  it('emits a whole burst at once', () => {
    const seen: string[] = [];
    of('Hel', 'lo', '', '!')
      .pipe(bufferText(50))
      .subscribe((text) => seen.push(text));
    expect(seen).toEqual(['Hello!']);
  });

  it('does not search a very long character again for each of its pieces', () => {
    const segment = vi.spyOn(Intl.Segmenter.prototype, 'segment');
    const pieces = Array.from({ length: 10_000 }, () => '\u0301');
    const seen: string[] = [];
    from(['a', ...pieces])
      .pipe(bufferText({ maxLength: 1 }))
      .subscribe((text) => seen.push(text));
    const looks = segment.mock.calls.length;
    segment.mockRestore();
    expect(seen).toEqual(['a' + pieces.join('')]);
    expect(looks).toBeGreaterThan(0);
    expect(looks).toBeLessThan(200);
  });

  it('accepts text that arrives during an output', () => {
    const source = new Subject<string>();
    const seen: string[] = [];
    source.pipe(bufferText({ maxLength: 2 })).subscribe((text) => {
      seen.push(text);
      if (seen.length < 4) source.next(`${seen.length}\n`);
      else source.complete();
    });
    source.next('0\n');
    expect(seen).toEqual(['0\n', '1\n', '2\n', '3\n']);
  });

  it('completes once when the consumer unsubscribes at the last text', () => {
    const finalized = vi.fn<() => void>();
    const complete = vi.fn<() => void>();
    of('Hello').pipe(finalize(finalized), bufferText(50), take(1)).subscribe({ complete });
    expect(finalized).toHaveBeenCalledOnce();
    expect(complete).toHaveBeenCalledOnce();
  });

  it('passes on the end of a source without text', () => {
    const seen: unknown[] = [];
    throwError(() => lost)
      .pipe(bufferText(50))
      .subscribe({ error: (error) => seen.push(error) });
    EMPTY.pipe(bufferText(50)).subscribe({ complete: () => seen.push('complete') });
    expect(seen).toEqual([lost, 'complete']);
  });
});

describe('arguments of bufferText', () => {
  it.each<[string, number | BufferTextConfig, RegExp]>([
    ['a negative interval', -1, /every.* at least 0, not -1/],
    ['an interval that is no number', Number.NaN, /every.* not NaN/],
    ['an `every` that is a string', { every: '50' as never }, /every/],
    ['a negative `settle`', { settle: -1 }, /settle.* at least 0/],
    [
      'a `frame` that is no boolean',
      { frame: 16 as never },
      /`frame` must be true or false, not 16/,
    ],
    ['a `maxLength` of 0', { maxLength: 0 }, /maxLength.* at least 1/],
    ['an `until` that cannot be subscribed to', { until: 5 as never }, /stream was expected/],
  ])('refuses %s when it is called', (_, argument, message) => {
    expect(() => bufferText(argument)).toThrow(TypeError);
    expect(() => bufferText(argument)).toThrow(message);
  });
});

describe('bufferText, for any text', () => {
  const settle = 40;
  const arrivals = fc.tuple(
    trickyPieces,
    fc.array(fc.integer({ min: 0, max: settle - 1 }), { minLength: 13, maxLength: 13 }),
  );
  const config = fc.record({
    every: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant(Infinity)),
    maxLength: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(Infinity)),
  });

  it('emits the same text, never an empty one, and never splits a character', () => {
    fc.assert(
      fc.property(arrivals, config, fc.boolean(), ([pieces, waits], limits, fails) => {
        const outputs = play(pieces, waits, { ...limits, settle }, fails);
        const text = pieces.join('');
        expect(outputs.map((output) => output.text).join('')).toBe(text);
        const boundaries = clusterBoundaries(text);
        let position = 0;
        for (const output of outputs) {
          expect(output.text).not.toBe('');
          position += output.text.length;
          expect(boundaries).toContain(position);
        }
      }),
      { numRuns: rounds(2_000) },
    );
  });

  it('delays only the last character by more than the interval', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 0, max: 60 }), ([pieces, waits], every) => {
        const outputs = play(pieces, waits, { every, settle }, false);
        // With what was given out within `every` of its arrival, at most one character is open.
        let at = 0;
        let arrived = '';
        pieces.forEach((piece, index) => {
          at += piece === '' ? 0 : waits[index]!;
          arrived += piece;
          const given = outputs
            .filter((output) => output.at <= at + every)
            .map((output) => output.text)
            .join('');
          const open = arrived.slice(given.length).replace(/[\ud800-\udbff]$/, '');
          expect(clusterBoundaries(open).size).toBeLessThanOrEqual(2);
        });
      }),
      { numRuns: rounds(1_000) },
    );
  });
});

/** Plays the pieces in virtual time, each after its wait; an empty one does not count as text. */
function play(
  pieces: readonly string[],
  waits: readonly number[],
  config: BufferTextConfig,
  fails: boolean,
): Array<{ at: number; text: string }> {
  const scheduler = new VirtualTimeScheduler();
  const source = new Observable<string>((subscriber) => {
    let at = 0;
    pieces.forEach((piece, index) => {
      at += piece === '' ? 0 : waits[index]!;
      subscriber.add(scheduler.schedule(() => subscriber.next(piece), at));
    });
    const end = () => (fails ? subscriber.error(lost) : subscriber.complete());
    subscriber.add(scheduler.schedule(end, at + 5));
  });
  const outputs: Array<{ at: number; text: string }> = [];
  const ends: unknown[] = [];
  source.pipe(bufferText({ ...config, until: NEVER, scheduler })).subscribe({
    next: (text) => outputs.push({ at: scheduler.frame, text }),
    error: (error) => ends.push(error),
    complete: () => ends.push('complete'),
  });
  scheduler.flush();
  expect(ends).toEqual([fails ? lost : 'complete']);
  return outputs;
}

function lines(letters: string): Record<string, string> {
  return Object.fromEntries([...letters].map((letter) => [letter, `${letter}\n`]));
}
