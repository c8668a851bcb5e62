import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { badChunkings, bytesOf, cutsInTwo, lineEndings } from '../support/cuts.ts';
import { recordings } from '../support/recordings.ts';

const HALF_AN_HOUR = 30 * 60_000;
/**
 * A recording is read anew for each position: so many bytes for each recording and line ending at
 * most. That is every position of those below 12 kB, and evenly spread ones of the others.
 */
const BYTES = 150_000_000;

describe('EventDecoder gives the same events for bytes cut in two anywhere', () => {
  for (const { name, events } of recordings) {
    it.each(Object.entries(lineEndings))(
      `${name} in %s`,
      (_, ending) => {
        const bytes = bytesOf(events, ending);
        const stride = Math.ceil(bytes.length ** 2 / BYTES);
        expect(badChunkings(bytes, cutsInTwo(bytes, stride))).toEqual([]);
      },
      HALF_AN_HOUR,
    );
  }
});

describe('EventDecoder gives the same events for bytes cut at random', () => {
  for (const { name, events } of recordings) {
    it.each(Object.entries(lineEndings))(
      `${name} in %s`,
      (_, ending) => {
        const bytes = bytesOf(events, ending);
        const positions = fc.array(fc.nat(bytes.length), { minLength: 1, maxLength: 500 });
        const random = fc.sample(positions, 1_000).map((some) => some.toSorted((a, b) => a - b));
        expect(badChunkings(bytes, random)).toEqual([]);
      },
      HALF_AN_HOUR,
    );
  }
});
