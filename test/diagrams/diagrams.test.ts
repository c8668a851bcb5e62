import fc from 'fast-check';
import { map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { filesBelow, read } from '../support/examples.ts';
import { testScheduler } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  resume,
  stop,
  text,
  textStart,
} from '../operators/events.ts';
import { labelOf } from '../../src/inspect/drawing/labelOf.ts';
import { drawMarbles } from './drawMarbles.ts';
import { boxOf, placeMarbles } from './placeMarbles.ts';
import { recordRun } from './recordRun.ts';

const tests = filesBelow('test', /\.test\.ts$/).filter((file) => !file.startsWith('test/diagrams'));
const drawn = new Set(
  tests.flatMap((file) =>
    [...read(file).matchAll(/\bdrawn\(\s*'([\w-]+)'/g)].map(
      ([, name]) => `docs/marbles/${name}.svg`,
    ),
  ),
);
/** Pictures of another kind, that a test of their own draws. */
drawn.add('docs/marbles/traceTools.svg');
const operators = filesBelow('operators', /\.ts$/).filter((file) => !file.endsWith('/index.ts'));

describe('docs/marbles', () => {
  it.each(operators)('has a picture that a test of %s has drawn', (file) => {
    expect([...drawn]).toContain(
      file.replace('operators/', 'docs/marbles/').replace('.ts', '.svg'),
    );
  });

  it('has no picture that no test draws', () => {
    expect(filesBelow('docs/marbles', /./).filter((file) => !drawn.has(file))).toEqual([]);
  });
});

describe('recordRun', () => {
  it('gives what was emitted while somebody listened, and what came out', () => {
    const lines = recordRun(() =>
      testScheduler().run(({ cold, hot, expectObservable }) => {
        const source = cold('-a-b-|');
        hot('----x---y-').subscribe();
        const loud = source.pipe(map((letter) => letter.toUpperCase()));
        expectObservable(loud, '--^----!').toBe('---A-B-');
        expectObservable(cold('-#', undefined, 'lost')).toBe('-#', undefined, 'lost');
      }),
    );
    expect(lines).toEqual([
      {
        from: 2,
        to: 7,
        happenings: [
          { at: 3, kind: 'next', value: 'a' },
          { at: 5, kind: 'next', value: 'b' },
        ],
      },
      {
        from: 0,
        to: undefined,
        happenings: [
          { at: 4, kind: 'next', value: 'x' },
          { at: 8, kind: 'next', value: 'y' },
        ],
      },
      { from: 0, to: 1, happenings: [{ at: 1, kind: 'error', error: 'lost' }] },
      {
        from: 2,
        to: 7,
        happenings: [
          { at: 3, kind: 'next', value: 'A' },
          { at: 5, kind: 'next', value: 'B' },
        ],
      },
      { from: 0, to: 1, happenings: [{ at: 1, kind: 'error', error: 'lost' }] },
    ]);
  });

  it('fails where the test fails, and leaves the TestScheduler as it was', () => {
    const failing = () =>
      testScheduler().run(({ cold, expectObservable }) => expectObservable(cold('-a')).toBe('-b'));
    expect(() => recordRun(failing)).toThrow(/The marbles differ/);
    expect(failing).toThrow(/The marbles differ/);
  });
});

describe('drawMarbles', () => {
  const source = (value: unknown, at = 2) => ({
    name: 'source',
    from: 0,
    to: 5,
    happenings: [{ at, kind: 'next', value } as const, { at: 5, kind: 'complete' } as const],
  });
  const draw = (value: unknown, at?: number) =>
    drawMarbles({ title: 'textOnly()', inputs: [source(value, at)], outputs: [] });

  it('draws the same for the same, and something else for anything else', () => {
    expect(draw('a')).toBe(draw('a'));
    expect(draw('a')).not.toBe(draw('b'));
    expect(draw('a')).not.toBe(draw('a', 3));
  });

  it('writes what it shows as text, and no markup that a value brings', () => {
    expect(draw('<script>&')).toContain('source: 2 &lt;script&gt;&amp;, 5 complete');
    expect(draw('<script>&')).not.toContain('<script');
  });
});

describe('placeMarbles', () => {
  it('keeps each marble within the picture and clear of the others', () => {
    const value = fc.record({
      x: fc.integer({ min: 24, max: 378 }),
      label: fc.record({
        text: fc.string({ maxLength: 76 }),
        kind: fc.constant('text' as const),
      }),
    });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 12 }), (values) => {
        const sorted = values.toSorted((one, other) => one.x - other.x);
        const marbles = placeMarbles(sorted, { left: 6, right: 600, taken: [] });
        expect(marbles.map(({ at, label }) => ({ x: at, label }))).toEqual(sorted);
        const boxes = marbles.map(boxOf);
        for (const [index, box] of boxes.entries()) {
          expect(box.left).toBeGreaterThanOrEqual(5.9);
          expect(box.right).toBeLessThanOrEqual(600.1);
          for (const other of boxes.slice(index + 1)) {
            const isApart =
              box.right <= other.left ||
              other.right <= box.left ||
              box.bottom <= other.top ||
              other.bottom <= box.top;
            expect(isApart).toBe(true);
          }
        }
      }),
    );
  });
});

describe('labelOf', () => {
  it.each<[unknown, string, string]>([
    [messageStart(), 'start', 'meta'],
    [textStart(0), '[ text', 'meta'],
    [text(0, ' lo'), '␣lo', 'text'],
    [stop(0), ']', 'meta'],
    [messageDelta('max_tokens'), 'max_tokens', 'meta'],
    [messageStop, 'stop', 'meta'],
    [resume(1), 'resume', 'seam'],
    ['a\nb ', 'a↵b␣', 'text'],
    ['id: 3\nevent: ping\ndata: {}\n\n', 'event: ping', 'text'],
    [':\n\n', ':', 'text'],
    [{ n: 1, s: ['a'] }, "{ n: 1, s: ['a'] }", 'value'],
    [{}, '{}', 'value'],
    ['x'.repeat(50), `${'x'.repeat(33)}…`, 'text'],
    [undefined, 'undefined', 'value'],
  ])('says of %j: %s', (value, label, kind) => {
    expect(labelOf(value)).toEqual({ text: label, kind });
  });
});
