import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GrowingString } from '../../../src/json/GrowingString.ts';

const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('a', 'é', '😀', '\ud83d', '\ude00', 'a\ud83d', '\ude00b'),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 2_500 }).map((length) => 'x'.repeat(length)) },
);

describe('GrowingString', () => {
  it('equals the appended text, without half a surrogate pair at the end', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const string = new GrowingString();
        let sofar = '';
        for (const some of pieces) {
          string.append(some);
          sofar += some;
          const shown = /[\ud800-\udbff]$/.test(sofar) ? sofar.slice(0, -1) : sofar;
          expect([string.text, string.length]).toEqual([shown, shown.length]);
        }
        string.close();
        expect([string.text, string.length]).toEqual([sofar, sofar.length]);
        string.clear();
        expect([string.text, string.length]).toEqual(['', 0]);
      }),
    );
  });
});
