import type { StreamEvent } from '../message/StreamEvent.ts';
import { requireNumbers, requireOneOf } from '../flow/require.ts';

/** A marble diagram, with the values of its letters. */
export interface Marbles<E> {
  diagram: string;
  values: Record<string, E>;
}

export interface ToMarblesConfig {
  /** Milliseconds (frames) from one event to the next, and from the last to the end. Default: 1. */
  every?: number;
  /**
   * The time of each event, in milliseconds (frames) from the start, instead of `every`. Events that would
   * share a frame are one frame apart. One more time sets the end; without it, the end follows the last
   * event at once.
   */
  times?: readonly number[];
  /** The end: `'|'` completes, `'#'` errors, `''` leaves the stream open. Default: `'|'`. */
  end?: '|' | '#' | '';
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The Chinese characters of Unicode: a marble diagram accepts any character. */
const MORE_LETTERS = { from: 0x4e00, count: 20_992 };

/** The maximum number of events, one per letter. */
const MOST = LETTERS.length + MORE_LETTERS.count;

/**
 * Gives each event a letter: the first is `a`, the 27th `A`, and from the 53rd on Chinese characters.
 *
 * Use it for a diagram that you write by hand: `cold('ab-c(d|)', letters(events))`.
 *
 * @throws TypeError when there are more than 21,044 events.
 *
 * @example
 * ```ts
 * import { letters, messageEvents } from 'claude-rx/testing';
 *
 * const { a, c, d } = letters(messageEvents.text('Hello', { chunk: 3 }));
 * console.log(a?.type, c?.type, d?.type); // message_start and two content_block_delta
 * ```
 */
export function letters<E = StreamEvent>(events: Iterable<E>): Record<string, E> {
  const values: Record<string, E> = {};
  let index = 0;
  for (const event of events) {
    if (index === MOST) {
      throw new TypeError(
        `letters: expected at most ${MOST} events, one per letter, but got more; ` +
          'use a larger `chunk` in `messageEvents`',
      );
    }
    values[letterAt(index++)] = event;
  }
  return values;
}

/**
 * Turns events into a marble diagram, for `TestScheduler.run` of rxjs and for rxjs-marbles.
 *
 * ```text
 * toMarbles(messageEvents.text('Hi'))                  abcdef|
 * toMarbles(messageEvents.text('Hi'), { every: 3 })    a--b--c--d--e--f--|
 * toMarbles([start, stop], { times: [2, 6] })          --a---b|
 * ```
 *
 * More than ten dashes are written as a time: `a 49ms b 49ms |`.
 *
 * @throws TypeError when there are more than 21,044 events, when `every` is not a whole number of at least
 *   1, and when `times` are not one per event, whole and in order.
 *
 * @example
 * ```ts
 * import { textOnly } from 'claude-rx';
 * import { messageEvents, toMarbles } from 'claude-rx/testing';
 * import { TestScheduler } from 'rxjs/testing';
 * import { expect, it } from 'vitest';
 *
 * it('emits the text', () => {
 *   const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
 *   scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
 *     const { diagram, values } = toMarbles(messageEvents.text('Hello', { chunk: 3 }), { every: 5 });
 *     const source = cold(diagram, values);
 *     // message_start and content_block_start at 0 and 5 ms, the text at 10 and 15.
 *     expectObservable(source.pipe(textOnly())).toBe('10ms x----y 19ms |', { x: 'Hel', y: 'lo' });
 *     expectSubscriptions(source.subscriptions).toBe('^ 34ms !');
 *   });
 * });
 * ```
 */
export function toMarbles<E = StreamEvent>(
  events: Iterable<E>,
  { every = 1, times, end = '|' }: ToMarblesConfig = {},
): Marbles<E> {
  const what = 'a whole number of frames';
  requireNumbers('toMarbles', { every }, { min: 1, max: Number.MAX_VALUE, whole: true, what });
  requireOneOf('toMarbles', 'end', end, ['|', '#', '']);
  const values = letters(events);
  const letterOf = Object.keys(values);
  if (times) return { diagram: atTimes([...letterOf, end], times), values };
  // An event itself takes one frame of the diagram.
  const gap = silence(every - 1);
  const diagram = letterOf.map((letter) => letter + gap).join('');
  return { diagram: diagram + end, values };
}

function letterAt(index: number): string {
  return LETTERS[index] ?? String.fromCodePoint(MORE_LETTERS.from + index - LETTERS.length);
}

/** The letters at their times, followed by the end. */
function atTimes(signs: readonly string[], times: readonly number[]): string {
  const isOrdered = times.every(
    (at, index) => Number.isInteger(at) && at >= 0 && at >= (times[index - 1] ?? 0),
  );
  const count = signs.length - 1;
  if (!isOrdered || (times.length !== count && times.length !== count + 1)) {
    throw new TypeError(
      `toMarbles: times must be a whole number for each of the ${count} events, in order; ` +
        `got ${JSON.stringify(times)}`,
    );
  }
  let frame = 0;
  return signs
    .map((letter, index) => {
      const wait = Math.max(0, (times[index] ?? frame) - frame);
      frame += wait + 1;
      return silence(wait) + letter;
    })
    .join('');
}

/** This number of frames without an event. */
function silence(frames: number): string {
  return frames > 10 ? ` ${frames}ms ` : '-'.repeat(frames);
}
