import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differences, lines } from '../src/sse/fastPath.ts';

it('EventDecoder reads a million lines as JSON.parse does', () => {
  let count = 0;
  let fast = 0;
  while (count < 1_000_000) {
    // Another part of them each time.
    const some = fc.sample(lines, { numRuns: 2_000, seed: count + 1 });
    for (const stream of some) {
      const found = differences(stream);
      expect(found.bad).toEqual([]);
      count += stream.length;
      fast += found.fast;
    }
  }
  expect(fast).toBeGreaterThan(100_000);
});
