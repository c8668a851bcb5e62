import { MessageStreamError, textOnly } from 'claude-rx';
import { compareMarbles, messageEvents, toMarbles } from 'claude-rx/testing';
import { delay, type Observable } from 'rxjs';
import { configure } from 'rxjs-marbles';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';

const compare = compareMarbles((actual, expected) => expect(actual).toStrictEqual(expected));

/** Runs a test that must fail, and gives its error. */
function failure(test: () => void): Error {
  try {
    test();
  } catch (error) {
    return error as Error;
  }
  throw new Error('the comparison did not fail');
}

describe('compareMarbles', () => {
  const { diagram, values } = toMarbles(messageEvents.text('Hello', { chunk: 3 }));
  const run = (expected: string, operator: (text: Observable<string>) => Observable<string>) =>
    new TestScheduler(compare).run(({ cold, expectObservable }) => {
      const text = cold(diagram, values).pipe(textOnly());
      expectObservable(operator(text)).toBe(expected, { a: 'Hel', b: 'lo' });
    });

  it('does not throw if the runs are equal', () => {
    expect(() => run('--ab---|', (text) => text)).not.toThrow();
  });

  it('shows the times and values that differ', () => {
    const error = failure(() => run('--ab---|', (text) => text.pipe(delay(1))));
    expect(error.message).toBe(
      `The marbles differ (- expected, + actual):
  -     2 next "Hel"
  -     3 next "lo"
  +     3 next "Hel"
  +     4 next "lo"
        7 complete`,
    );
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('shows errors by name, message and code, and a few of the lines that are equal', () => {
    const lines = (last: unknown) => [
      ...Array.from({ length: 9 }, (_, frame) => ({
        frame,
        notification: { kind: 'N', value: 1 },
      })),
      { frame: 9, notification: { kind: 'E', error: last } },
    ];
    const cut = new MessageStreamError('The stream ended', { code: 'truncated' });
    expect(failure(() => compare(lines(cut), lines(undefined))).message).toBe(
      `The marbles differ (- expected, + actual):
        6 next 1
        7 next 1
        8 next 1
  -     9 error undefined
  +     9 error MessageStreamError: The stream ended (truncated)`,
    );
  });

  it('shows subscriptions', () => {
    const error = failure(() =>
      new TestScheduler(compare).run(({ cold, expectSubscriptions }) => {
        const source = cold('ab|');
        source.subscribe();
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }),
    );
    expect(error.message).toContain('\n  -     0 subscribed until 3\n  +     0 subscribed until 2');
  });

  it('keeps the error of the runner if the lines would be equal', () => {
    const run = (value: unknown) => [{ frame: 1, notification: { kind: 'N', value } }];
    expect(failure(() => compare(run({ a: undefined }), run({}))).message).toContain(
      'strictly equal',
    );
    expect(failure(() => compare(1, 2)).message).not.toContain('The marbles differ');
  });

  it('works with rxjs-marbles', () => {
    const { marbles } = configure({ assertDeepEqual: compare, frameworkMatcher: true });
    const test = marbles((m) => {
      m.expect(m.cold(diagram, values).pipe(textOnly())).toBeObservable('--a|', { a: 'Hel' });
    });
    expect(failure(test).message).toMatch(/^The marbles differ.*\+ {5}3 next "lo"$/ms);
  });

  it('refuses an argument that is not a function', () => {
    expect(() => compareMarbles(undefined as never)).toThrow(/compareMarbles: expected the deep/);
  });
});
