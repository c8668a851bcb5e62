import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { graphemeBoundary, surrogateBoundary } from '../../../src/text/graphemeBoundary.ts';
import { clusterBoundaries, trickyText } from '../../support/trickyText.ts';
import { rounds } from '../../support/rounds.ts';

const certain = (text: string) => text.slice(0, graphemeBoundary(text));

describe('graphemeBoundary', () => {
  it.each([
    ['nothing', '', ''],
    ['a letter, which an accent may follow', 'Hello', 'Hell'],
    ['a letter with its accents', 'cafe\u0301', 'caf'],
    ['the first half of a flag', 'in 🇩', 'in '],
    ['a flag that a third letter would not change', '🇩🇪🇫', '🇩🇪'],
    ['a family that is not complete', 'a👩\u200d👩\u200d', 'a'],
    ['a hand before its skin tone', 'a👍', 'a'],
    ['half a surrogate pair, and what it may belong to', 'a👍\ud83c', 'a'],
    ['Hangul that is being composed', '한\u1100\u1161', '한'],
    ['a Devanagari conjunct', 'a\u0915\u094d', 'a'],
    ['a CR, which an LF may follow', 'line\r', 'line'],
  ])('leaves out %s', (_, text, expected) => {
    expect(certain(text)).toBe(expected);
  });

  it.each([
    ['LF', 'line\n'],
    ['CRLF', 'line\r\n'],
    ['a tab', 'a\t'],
    ['a line separator', 'a\u2028'],
    ['a paragraph separator', 'a\u2029'],
    ['next line', 'a\u0085'],
    ['LF, also before half a surrogate pair', 'line\n\ud83c'],
  ])('has everything up to %s', (_, text) => {
    expect(certain(text)).toBe(text.slice(0, surrogateBoundary(text)));
  });

  it('is a boundary of the whole text, wherever that is cut', () => {
    fc.assert(
      fc.property(trickyText, (text) => {
        const boundaries = clusterBoundaries(text);
        for (let cut = 0; cut <= text.length; cut++) {
          const boundary = graphemeBoundary(text.slice(0, cut));
          expect(boundary).toBeLessThanOrEqual(cut);
          expect(boundaries).toContain(boundary);
        }
      }),
      { numRuns: rounds(1_000) },
    );
  });

  it('leaves out no more than the last cluster and half a surrogate pair', () => {
    fc.assert(
      fc.property(trickyText, (text) => {
        const whole = text.slice(0, surrogateBoundary(text));
        const last = [...clusterBoundaries(whole)].at(-2) ?? 0;
        expect(graphemeBoundary(text)).toBeGreaterThanOrEqual(last);
      }),
      { numRuns: rounds(1_000) },
    );
  });
});

describe('surrogateBoundary', () => {
  it.each([
    ['', 0],
    ['a', 1],
    ['👍', 2],
    ['a\ud83c', 1],
    ['\ud83c', 0],
    ['a\udffd', 2],
  ])('of %j is %i', (text, boundary) => {
    expect(surrogateBoundary(text)).toBe(boundary);
  });
});
