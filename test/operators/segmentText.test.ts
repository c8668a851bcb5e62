import { segmentText, type TextUnit } from 'claude-rx/operators/segmentText';
import fc from 'fast-check';
import { from, Subject, take, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { testScheduler } from '../support/marbles.ts';
import { clusterBoundaries, trickyPieces } from '../support/trickyText.ts';
import { synchronous } from './events.ts';

const run = (test: Parameters<ReturnType<typeof testScheduler>['run']>[0]) => () =>
  testScheduler().run(test);
const lost = new Error('lost');

describe('segmentText', () => {
  it(
    'emits sentences as soon as they are complete, and the rest on completion',
    drawn(
      'segmentText',
      run(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold(' -a-b---c---|', { a: 'Hi! How', b: ' are you?', c: ' Fine.' });
        const result = '      -x-----y---(z|)';
        const subscription = '^----------!';
        const values = { x: 'Hi! ', y: 'How are you? ', z: 'Fine.' };
        expectObservable(source.pipe(segmentText('sentence'))).toBe(result, values);
        expectSubscriptions(source.subscriptions).toBe(subscription);
      }),
      { title: `segmentText('sentence')` },
    ),
  );

  it(
    'emits the rest before an error',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b--#', { a: 'Hel', b: 'lo wor' }, lost);
      const result = '     ---x--(y#)';
      const values = { x: 'Hello', y: ' wor' };
      expectObservable(source.pipe(segmentText('word'))).toBe(result, values, lost);
      expectSubscriptions(source.subscriptions).toBe('^-----!');
    }),
  );

  it(
    'drops the rest on unsubscribe',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b-----|', { a: 'one\ntw', b: 'o\nth' });
      const unsubscribe = '-----!';
      const result = '     x--y--';
      const values = { x: 'one\n', y: 'two\n' };
      expectObservable(source.pipe(segmentText('line')), unsubscribe).toBe(result, values);
      expectSubscriptions(source.subscriptions).toBe('^----!');
    }),
  );

  it(
    'emits a character that was cut across texts as one output',
    run(({ cold, expectObservable }) => {
      const source = cold('a-b-c-d|', { a: '\ud83d', b: '\udc69\u200d', c: '👧', d: '🇩' });
      const result = '     ------x(y|)';
      const values = { x: '👩‍👧', y: '🇩' };
      expectObservable(source.pipe(segmentText('grapheme'))).toBe(result, values);
    }),
  );

  it(
    'emits the unfinished unit after a silence, and ignores empty texts in it',
    run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--b--e-----------c--|', { a: 'Let me', b: ' see.', c: ' So', e: '' });
      const result = '     -------------x-------(y|)';
      const values = { x: 'Let me see.', y: ' So' };
      expectObservable(source.pipe(segmentText('sentence', { settle: 10 }))).toBe(result, values);
      expectSubscriptions(source.subscriptions).toBe('^--------------------!');
    }),
  );

  it(
    'keeps half a surrogate pair after a silence',
    run(({ cold, expectObservable }) => {
      const source = cold('a-----b--|', { a: 'x\ud83d', b: '\udc4d' });
      const result = '     --x-----y|';
      const values = { x: 'x', y: '👍' };
      expectObservable(source.pipe(segmentText('grapheme', { settle: 2 }))).toBe(result, values);
    }),
  );

  it(
    'has separate state for each subscription',
    run(({ cold, expectObservable }) => {
      const result = cold('a-b|', { a: 'x', b: 'y' }).pipe(segmentText('grapheme'));
      expectObservable(result).toBe('      --x(y|)');
      expectObservable(result, '-^').toBe('---x(y|)');
    }),
  );

  it('keeps the order when an output makes the source emit', () => {
    const source = new Subject<string>();
    const seen: string[] = [];
    source.pipe(segmentText('line')).subscribe((line) => {
      seen.push(line);
      if (line === 'a\n') source.next('c\n');
    });
    source.next('a\nb\n');
    expect(seen).toEqual(['a\n', 'b\n', 'c\n']);
  });

  it('stops a synchronous source, and has no timer, when the consumer has enough', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = synchronous('abcdef'.split(''));
    const seen: string[] = [];
    const { source: letters } = source;
    letters
      .pipe(segmentText('grapheme', { settle: 5, scheduler }), take(2))
      .subscribe((text) => seen.push(text));
    expect(seen).toEqual(['a', 'b']);
    expect(source.taken()).toBe(3);
    expect(scheduler.actions).toHaveLength(0);
  });

  it('sets no timer without `settle`, and none longer than the platform supports', () => {
    vi.useFakeTimers();
    try {
      for (const settle of [undefined, Infinity, 2 ** 31]) {
        const source = new Subject<string>();
        const subscription = source
          .pipe(segmentText('word', settle === undefined ? {} : { settle }))
          .subscribe();
        source.next('Hello');
        expect(vi.getTimerCount()).toBe(0);
        subscription.unsubscribe();
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it.each(['grapheme', 'word', 'sentence', 'line'] as const)(
    'emits %s outputs that joined are the inputs joined, none empty and no character cut',
    (unit) => {
      fc.assert(
        fc.property(trickyPieces, fc.boolean(), (texts, fails) => {
          const source = new Subject<string>();
          const seen: string[] = [];
          source.pipe(segmentText(unit)).subscribe({
            next: (text) => seen.push(text),
            error: () => {},
          });
          for (const text of texts) source.next(text);
          if (fails) source.error(lost);
          else source.complete();
          expect(seen.join('')).toBe(texts.join(''));
          expect(seen).not.toContain('');
          if (unit === 'word' || unit === 'sentence') return;
          const clusters = clusterBoundaries(texts.join(''));
          let end = 0;
          for (const text of seen) expect(clusters).toContain((end += text.length));
        }),
      );
    },
  );

  it('takes the segmenter of the locale', () => {
    const seen: string[] = [];
    // The Greek question mark looks like a semicolon.
    from(['Τι; Ναι'])
      .pipe(segmentText('sentence', { locale: 'el' }))
      .subscribe((text) => {
        seen.push(text);
      });
    expect(seen).toEqual(['Τι; ', 'Ναι']);
  });

  it.each(['character', '', undefined, null, 7])('refuses the granularity %j', (unit) => {
    const message =
      "segmentText: `granularity` must be 'grapheme' or 'word' or 'sentence' or 'line'";
    expect(() => segmentText(unit as TextUnit)).toThrow(TypeError);
    expect(() => segmentText(unit as TextUnit)).toThrow(message);
  });

  it.each([-1, Number.NaN, '5' as never])('refuses a `settle` of %j', (settle) => {
    const message = 'segmentText: `settle` must be milliseconds, at least 0, not ';
    expect(() => segmentText('word', { settle })).toThrow(TypeError);
    expect(() => segmentText('word', { settle })).toThrow(message);
  });

  it('refuses a malformed locale when it is called', () => {
    expect(() => segmentText('word', { locale: 'not_a_locale' })).toThrow(RangeError);
  });
});
