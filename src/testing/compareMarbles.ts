/**
 * The deep comparison of a test runner, for `TestScheduler` and rxjs-marbles. It throws if the
 * values differ.
 */
export type AssertDeepEqual = (actual: unknown, expected: unknown) => void;

/**
 * Wraps the deep comparison of a test runner for `TestScheduler` and rxjs-marbles. When it fails, the error
 * shows both runs as a list of notifications with their times, instead of nested objects.
 *
 * ```text
 * The marbles differ (- expected, + actual):
 *        2 next "Hel"
 *   -    5 next "lo"
 *   +    6 next "lo"
 *        9 complete
 * ```
 *
 * The function that you pass decides how strictly values are compared. Times are frames: milliseconds in
 * `TestScheduler.run` and in rxjs-marbles.
 *
 * @throws TypeError when the argument is not a function. The returned function throws an Error if the runs
 *   differ; its `cause` is the error of the test runner.
 *
 * @example
 * ```ts
 * import { textOnly } from 'claude-rx';
 * import { compareMarbles, messageEvents, toMarbles } from 'claude-rx/testing';
 * import { TestScheduler } from 'rxjs/testing';
 * import { expect, it } from 'vitest';
 *
 * const compare = compareMarbles((actual, expected) => expect(actual).toStrictEqual(expected));
 *
 * it('emits the text', () => {
 *   new TestScheduler(compare).run(({ cold, expectObservable }) => {
 *     const { diagram, values } = toMarbles(messageEvents.text('Hello', { chunk: 3 }));
 *     expectObservable(cold(diagram, values).pipe(textOnly())).toBe('--ab---|', { a: 'Hel', b: 'lo' });
 *   });
 * });
 * ```
 */
export function compareMarbles(assertDeepEqual: AssertDeepEqual): AssertDeepEqual {
  if (typeof assertDeepEqual !== 'function') {
    throw new TypeError(
      'compareMarbles: expected the deep comparison of your test runner, such as ' +
        '(actual, expected) => expect(actual).toEqual(expected)',
    );
  }
  return (actual, expected) => {
    try {
      assertDeepEqual(actual, expected);
    } catch (cause) {
      const difference = differenceOf(linesOf(expected), linesOf(actual));
      // Not a list of notifications, or a difference that the lines do not show.
      if (difference === undefined) throw cause;
      throw new Error(`The marbles differ (- expected, + actual):\n${difference}`, { cause });
    }
  };
}

interface Line {
  frame: number;
  text: string;
}

/** One line per notification or subscription. */
function linesOf(run: unknown): Line[] | undefined {
  if (!Array.isArray(run)) return undefined;
  const lines = run.map(lineOf);
  return lines.every((line) => line !== undefined) ? lines : undefined;
}

function lineOf(entry: unknown): Line | undefined {
  const { frame, notification, subscribedFrame, unsubscribedFrame } = (entry ?? {}) as {
    frame?: number;
    notification?: { kind?: string; value?: unknown; error?: unknown };
    subscribedFrame?: number;
    unsubscribedFrame?: number;
  };
  if (typeof subscribedFrame === 'number') {
    return { frame: subscribedFrame, text: `subscribed until ${unsubscribedFrame}` };
  }
  if (typeof frame !== 'number' || !notification) return undefined;
  const { kind, value, error } = notification;
  if (kind === 'C') return { frame, text: 'complete' };
  return { frame, text: kind === 'E' ? `error ${shown(error)}` : `next ${shown(value)}` };
}

function shown(value: unknown): string {
  if (value instanceof Error) {
    const { code } = value as { code?: unknown };
    return `${value.name}: ${value.message}${code === undefined ? '' : ` (${String(code)})`}`;
  }
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** Both lists without their common lines, except a few lines around each difference. */
function differenceOf(
  expected: readonly Line[] | undefined,
  actual: readonly Line[] | undefined,
): string | undefined {
  if (!expected || !actual) return undefined;
  const isSame = (one?: Line, other?: Line) =>
    one !== undefined && one.frame === other?.frame && one.text === other.text;
  const most = Math.min(expected.length, actual.length);
  let head = 0;
  while (head < most && isSame(expected[head], actual[head])) head++;
  let tail = 0;
  while (tail < most - head && isSame(expected.at(-1 - tail), actual.at(-1 - tail))) tail++;
  const changed = [
    ...expected.slice(head, expected.length - tail).map((line) => ({ sign: '-', ...line })),
    ...actual.slice(head, actual.length - tail).map((line) => ({ sign: '+', ...line })),
  ].toSorted((one, other) => one.frame - other.frame);
  if (changed.length === 0) return undefined;
  const same = (lines: readonly Line[]) => lines.map((line) => ({ sign: ' ', ...line }));
  const rows = [
    ...same(expected.slice(Math.max(0, head - CONTEXT), head)),
    ...changed,
    ...same(expected.slice(expected.length - tail).slice(0, CONTEXT)),
  ];
  return rows
    .map(({ sign, frame, text }) => `  ${sign} ${String(frame).padStart(5)} ${text}`)
    .join('\n');
}

/** The number of lines before and after a difference. */
const CONTEXT = 3;
