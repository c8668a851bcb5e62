import { smoothText, type SmoothTextConfig } from 'claude-rx/operators/smoothText';
import fc from 'fast-check';
import {
  queueScheduler,
  type SchedulerLike,
  Subject,
  take,
  takeUntil,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { graphemeBoundary, surrogateBoundary } from '../../src/text/graphemeBoundary.ts';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import { clusterBoundaries, trickyPieces } from '../support/trickyText.ts';
import { synchronous } from './events.ts';
import { rounds } from '../support/rounds.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);
const lost = new Error('lost');

describe('smoothText', () => {
  it(
    'emits a burst at an even pace, and completes with the last of it',
    drawn(
      'smoothText',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('a--------|', { a: 'paced' });
        const result = '     p-a-c-e-d|';
        expectObservable(source.pipe(smoothText({ frame: 2, maxLatency: 8 }))).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^--------!');
      }),
      { title: 'smoothText({ frame: 2, maxLatency: 8 })' },
    ),
  );

  it(
    'continues at its pace after the end',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a-|', { a: 'paced' });
      const result = '     p-a-c-e-(d|)';
      expectObservable(source.pipe(smoothText({ frame: 2, maxLatency: 8 }))).toBe(result);
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it(
    'ends at once with endAtOnce',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--|', { a: 'paced' });
      const result = '     p-a(r|)';
      expectObservable(source.pipe(smoothText({ frame: 2, maxLatency: 8, endAtOnce: true }))).toBe(
        result,
        { p: 'p', a: 'a', r: 'ced' },
      );
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }),
  );

  it(
    'emits all waiting text at once, then errors',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--#', { a: 'paced' }, lost);
      const result = '     p-a(r#)';
      const values = { p: 'p', a: 'a', r: 'ced' };
      expectObservable(source.pipe(smoothText({ frame: 2, maxLatency: 8 }))).toBe(
        result,
        values,
        lost,
      );
      expectSubscriptions(source.subscriptions).toBe('^--!');
    }),
  );

  it(
    'drops waiting text on unsubscribe, also by takeUntil behind it',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a-------', { a: 'paced' });
      const unsubscribe = '---!';
      const result = '     p-a-';
      const paced = source.pipe(smoothText({ frame: 2, maxLatency: 8 }));
      expectObservable(paced, unsubscribe).toBe(result);
      expectObservable(paced.pipe(takeUntil(timer(3)))).toBe('p-a|');
      expectSubscriptions(source.subscriptions).toBe(['^--!', '^--!']);
    }),
  );

  it(
    'emits at the given rate',
    run(({ cold, expectObservable }) => {
      const source = cold('a|', { a: 'one two three.' });
      const values = { o: 'one', t: ' two', u: ' three.' };
      const config = { unit: 'word', rate: 4, maxLatency: 60_000, frame: 10 } as const;
      expectObservable(source.pipe(smoothText(config))).toBe('o 249ms t 249ms (u|)', values);
      const letters = cold('a|', { a: 'abcd' });
      expectObservable(
        letters.pipe(smoothText({ rate: 200, maxLatency: Infinity, frame: 10 })),
      ).toBe('a 9ms x 9ms (d|)', { a: 'a', x: 'bc', d: 'd' });
    }),
  );

  it(
    'exceeds the rate if text would be late',
    run(({ cold, expectObservable }) => {
      const source = cold('a|', { a: 'abcdef' });
      const result = '     a-b-c-d-e-(f|)';
      expectObservable(source.pipe(smoothText({ rate: 1, frame: 2, maxLatency: 10 }))).toBe(result);
    }),
  );

  it(
    'emits the first text after a silence at once',
    run(({ cold, expectObservable }) => {
      const source = cold('a 99ms b 9ms |', { a: 'x\n', b: 'y\n' });
      const result = '     a 39ms b 59ms c 39ms (d|)';
      expectObservable(source.pipe(smoothText({ frame: 40, maxLatency: 40 }))).toBe(result, {
        a: 'x',
        b: '\n',
        c: 'y',
        d: '\n',
      });
    }),
  );

  it(
    'waits for the rest of the last character or word until a silence',
    run(({ cold, expectObservable }) => {
      const config = { frame: 2, maxLatency: 6 };
      const source = cold('a--b---------|', { a: 'e', b: '\u0301' });
      expectObservable(source.pipe(smoothText(config))).toBe('-------x-----|', { x: 'e\u0301' });
      const words = cold('a--b---------|', { a: 'He', b: 'llo' });
      expectObservable(words.pipe(smoothText({ ...config, unit: 'word' }))).toBe('-------x-----|', {
        x: 'Hello',
      });
      const half = cold('a---------b--|', { a: 'a\ud83d', b: '\udc4d' });
      expectObservable(half.pipe(smoothText({ ...config, settle: 3 }))).toBe('---a---------(b|)', {
        a: 'a',
        b: '👍',
      });
    }),
  );

  it('emits a burst of 300 words within maxLatency', () => {
    const words = Array.from({ length: 300 }, (_, index) => `word${index}`).join(' ');
    for (const unit of ['grapheme', 'word'] as const) {
      for (const rate of ['adaptive', 5] as const) {
        const seen = play([[0, words]], { unit, rate });
        expect(seen.at(-1)?.at).toBeLessThanOrEqual(500);
        expect(seen.map(({ text }) => text).join('')).toBe(words);
        // In every frame, and in none of them much more than in the others.
        expect(seen.length).toBe(Math.floor(500 / 16) + 1);
        const most = Math.max(...seen.map(({ text }) => text.length));
        expect(most).toBeLessThan((2 * words.length) / seen.length);
      }
    }
  });

  it('emits bursts without pauses, with less delay if they are frequent', () => {
    const late = (every: number) => {
      const bursts = Array.from(
        { length: 40 },
        (_, index) => [index * every, 'x'.repeat(12)] as const,
      );
      const seen = play(bursts, { frame: 10, maxLatency: 500 });
      const steady = seen.filter(({ at }) => at > 20 * every && at < 39 * every);
      const pauses = steady.slice(1).map(({ at }, index) => at - steady[index]!.at);
      // A burst of 12 has a letter for each 12th of the time.
      expect(Math.max(...pauses)).toBeLessThanOrEqual(Math.max(10, every / 6));
      return Math.max(...latencies(bursts, seen).slice(20 * 12));
    };
    expect(late(60)).toBeLessThanOrEqual(60 * 2.5);
    expect(late(200)).toBeLessThanOrEqual(200 * 2);
    expect(late(400)).toBeLessThanOrEqual(500);
  });

  it('catches up after a burst in the middle of a slow text', () => {
    const texts = [
      ...Array.from({ length: 50 }, (_, index) => [index * 40, 'abcd'] as const),
      [1_000, 'x'.repeat(10_000)] as const,
    ].toSorted(([one], [other]) => one - other);
    const seen = play(texts, {});
    expect(Math.max(...latencies(texts, seen))).toBeLessThanOrEqual(500);
  });

  it(
    'counts a long enough silence even if a frame hides its end',
    run(({ cold, expectObservable }) => {
      // Settled at 3, between the frames of 0 and 4; a mark at 4 cannot join any more.
      const source = cold('a---b---|', { a: 'xy', b: '\u0301' });
      const result = '     x---y---(z|)';
      const config = { frame: 4, maxLatency: 7 };
      expectObservable(source.pipe(smoothText(config))).toBe(result, {
        x: 'x',
        y: 'y',
        z: '\u0301',
      });
    }),
  );

  it(
    'has separate state for each subscription',
    run(({ cold, expectObservable }) => {
      const result = cold('a|', { a: 'xyz' }).pipe(smoothText({ frame: 2, maxLatency: 4 }));
      expectObservable(result).toBe('     x-y-(z|)');
      expectObservable(result, '-^').toBe('-x-y-(z|)');
    }),
  );
});

describe('smoothText with any text at any time', () => {
  const arrivals = fc
    .tuple(trickyPieces, fc.array(fc.nat(120), { minLength: 14, maxLength: 14 }))
    .map(([pieces, gaps]) => {
      let at = 0;
      return pieces.map((text, index) => [(at += gaps[index]!), text] as const);
    });
  const configs = fc.record(
    {
      unit: fc.constantFrom('grapheme' as const, 'word' as const),
      rate: fc.oneof(fc.constant('adaptive' as const), fc.integer({ min: 1, max: 500 })),
      maxLatency: fc.integer({ min: 40, max: 300 }),
      frame: fc.integer({ min: 1, max: 40 }),
      endAtOnce: fc.boolean(),
    },
    { requiredKeys: ['maxLatency'] },
  );

  it('loses nothing, emits nothing empty, and at most once per frame', () => {
    fc.assert(
      fc.property(arrivals, configs, (texts, config) => {
        const seen = play(texts, config);
        expect(seen.map(({ text }) => text).join('')).toBe(texts.map(([, text]) => text).join(''));
        expect(seen.map(({ text }) => text)).not.toContain('');
        const paced = config.endAtOnce ? seen.slice(0, -1) : seen;
        for (const [index, { at }] of paced.slice(1).entries()) {
          expect(at - paced[index]!.at).toBeGreaterThanOrEqual(config.frame ?? 16);
        }
      }),
      { numRuns: rounds(1_000) },
    );
  });

  it('emits each text within maxLatency', () => {
    fc.assert(
      fc.property(arrivals, configs, (texts, config) => {
        const { maxLatency, frame = 16 } = config;
        const seen = play(texts, { ...config, unit: 'grapheme' });
        const finished = finishedAt(texts, maxLatency - frame);
        const late = arrivedAt(seen.map(({ at, text }) => [at, text])).filter(
          (at, index) =>
            at > Math.max(arrivedAt(texts)[index]! + maxLatency, finished[index]! + frame),
        );
        expect(late).toEqual([]);
      }),
      { numRuns: rounds(1_000) },
    );
  });

  it('cuts no character as long as no silence is as long as `settle`', () => {
    fc.assert(
      fc.property(arrivals, configs, (texts, config) => {
        const clusters = clusterBoundaries(texts.map(([, text]) => text).join(''));
        let end = 0;
        for (const { text } of play(texts, { ...config, unit: 'grapheme', settle: 2_000 })) {
          expect(clusters).toContain((end += text.length));
        }
      }),
      { numRuns: rounds(1_000) },
    );
  });
});

describe('smoothText and its timer', () => {
  it('runs only while text is waiting', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    source
      .pipe(smoothText({ frame: 10, maxLatency: 100, scheduler }))
      .subscribe({ error: () => {} });
    const timers = () => scheduler.actions.length;
    expect(timers()).toBe(0);
    source.next('Hello');
    source.next(' you');
    expect(timers()).toBe(1);
    scheduler.maxFrames = 50;
    scheduler.flush();
    expect(timers()).toBe(1);
    scheduler.maxFrames = 100;
    scheduler.flush();
    expect(timers()).toBe(0);
    source.next('\ud83d');
    expect(timers()).toBe(0);
    source.next('\udc4d');
    expect(timers()).toBe(1);
    source.error(lost);
    expect(timers()).toBe(0);
  });

  it('is gone after the consumer unsubscribes from within an output', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    const seen: string[] = [];
    source.pipe(smoothText({ scheduler }), take(1)).subscribe((text) => seen.push(text));
    source.next('Hello');
    scheduler.flush();
    expect(seen).toEqual(['H']);
    expect(source.observed).toBe(false);
    expect(scheduler.actions).toHaveLength(0);
  });

  it('stops a synchronous source when the consumer has enough', () => {
    const { source, taken } = synchronous(['a\n', 'b\n', 'c\n']);
    const seen: string[] = [];
    source
      .pipe(smoothText({ scheduler: queueScheduler }), take(1))
      .subscribe((text) => seen.push(text));
    expect(seen).toEqual(['a']);
    expect(taken()).toBe(1);
  });

  it('takes text that the consumer causes with an output', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    const seen: string[] = [];
    source.pipe(smoothText({ scheduler, frame: 10, maxLatency: 20 })).subscribe((text) => {
      seen.push(text);
      if (text === 'a') source.next('z\n');
    });
    source.next('ab');
    source.next('c\n');
    scheduler.flush();
    expect(seen.join('')).toBe('abc\nz\n');
  });

  it('does not exceed the longest timer of the platform', () => {
    vi.useFakeTimers();
    try {
      const source = new Subject<string>();
      const seen: string[] = [];
      const subscription = source
        .pipe(smoothText({ maxLatency: 1e11, settle: 1e10 }))
        .subscribe((text) => seen.push(text));
      source.next('Hello');
      vi.advanceTimersByTime(100_000);
      expect(seen).toEqual(['H']);
      subscription.unsubscribe();
      source.next('Hello');
      const idle = source.pipe(smoothText({ settle: 1e10 })).subscribe((text) => seen.push(text));
      source.next('!');
      vi.advanceTimersByTime(100_000);
      expect(seen).toEqual(['H']);
      vi.advanceTimersByTime(1e10);
      expect(seen).toEqual(['H', '!']);
      idle.unsubscribe();
      expect(vi.getTimerCount()).toBe(0);
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
    const source = new Subject<string>();
    const seen: string[] = [];
    source
      .pipe(smoothText({ frame: 10, maxLatency: 100, scheduler: shifted }))
      .subscribe((text) => seen.push(text));
    source.next('Hello\n');
    scheduler.maxFrames = 40;
    scheduler.flush();
    offset = -1e9;
    scheduler.maxFrames = 300;
    scheduler.flush();
    expect(seen.join('')).toBe('Hello\n');
  });

  it('takes time that is linear in the text', () => {
    const real = Intl.Segmenter.prototype.segment;
    let looked = 0;
    Intl.Segmenter.prototype.segment = function (text) {
      looked += text.length;
      return real.call(this, text);
    };
    try {
      const text = '世界 e\u0301! '.repeat(5_000);
      const seen = play([[0, text]], { rate: 10, maxLatency: 60_000 });
      expect(seen.map((output) => output.text).join('')).toBe(text);
      expect(looked).toBeLessThan(2 * text.length);
    } finally {
      Intl.Segmenter.prototype.segment = real;
    }
  });
});

describe('smoothText and its arguments', () => {
  it.each<[SmoothTextConfig, string]>([
    [{ unit: 'line' as never }, "`unit` must be 'grapheme' or 'word', not 'line'"],
    [{ rate: 0 }, "`rate` must be 'adaptive' or units per second above 0 and finite, not 0"],
    [
      { rate: Infinity },
      "`rate` must be 'adaptive' or units per second above 0 and finite, not Infinity",
    ],
    [
      { rate: 'fast' as never },
      "`rate` must be 'adaptive' or units per second above 0 and finite, not 'fast'",
    ],
    [{ frame: 0 }, '`frame` must be milliseconds, at least 1 and finite, not 0'],
    [{ frame: Number.NaN }, '`frame` must be milliseconds, at least 1 and finite, not NaN'],
    [{ maxLatency: 15 }, '`maxLatency` must be milliseconds, at least 16, not 15'],
    [
      { maxLatency: Infinity },
      '`maxLatency` can be Infinity only with a `rate` in units per second',
    ],
    [{ settle: -1 }, '`settle` must be milliseconds, at least 0, not -1'],
  ])('are refused when it is called: %j', (config, problem) => {
    expect(() => smoothText(config)).toThrow(new TypeError(`smoothText: ${problem}`));
  });

  it('are refused where the locale is malformed', () => {
    expect(() => smoothText({ locale: 'not_a_locale' })).toThrow(RangeError);
  });
});

interface Output {
  at: number;
  text: string;
}

/** Plays texts at their times in virtual time, and gives what comes out and when. */
function play(texts: Texts, config: SmoothTextConfig): Output[] {
  const scheduler = new VirtualTimeScheduler(undefined, Infinity);
  const source = new Subject<string>();
  const seen: Output[] = [];
  let hasCompleted = false;
  source.pipe(smoothText({ ...config, scheduler })).subscribe({
    next: (text) => seen.push({ at: scheduler.frame, text }),
    complete: () => (hasCompleted = true),
  });
  for (const [at, text] of texts) scheduler.schedule(() => source.next(text), at);
  scheduler.schedule(() => source.complete(), texts.at(-1)?.[0] ?? 0);
  scheduler.flush();
  expect(hasCompleted).toBe(true);
  return seen;
}

type Texts = ReadonlyArray<readonly [at: number, text: string]>;

/** For each UTF-16 code unit, when it came. */
function arrivedAt(texts: Texts): number[] {
  return texts.flatMap(([at, text]) => text.split('').map(() => at));
}

/** For each UTF-16 code unit, how long after its arrival it came out. */
function latencies(texts: Texts, seen: Output[]): number[] {
  const arrived = arrivedAt(texts);
  return arrivedAt(seen.map(({ at, text }) => [at, text])).map((at, index) => at - arrived[index]!);
}

/** For each UTF-16 code unit, when its character was certain, had settled, or was the last. */
function finishedAt(all: Texts, settle: number): number[] {
  const texts = all.filter(([, text]) => text !== '');
  const finished: number[] = [];
  let open = '';
  const finish = (length: number, at: number) => {
    for (let index = 0; index < length; index++) finished.push(at);
    open = open.slice(length);
  };
  for (const [index, [at, text]] of texts.entries()) {
    open += text;
    finish(graphemeBoundary(open), at);
    const next = texts[index + 1]?.[0];
    if (next === undefined) finish(open.length, all.at(-1)![0]);
    else if (next >= at + settle) finish(surrogateBoundary(open), at + settle);
  }
  return finished;
}
