import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Utf8Decoder } from '../../../src/sse/Utf8Decoder.ts';
import { rounds } from '../../support/rounds.ts';

const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }).map((text) => new TextEncoder().encode(text)),
      fc.constantFrom('\ufeff', 'é', '世', '😀', 'a').map((text) => new TextEncoder().encode(text)),
      // Characters that are cut, and invalid bytes.
      fc.uint8Array({ maxLength: 3 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

it('Utf8Decoder gives what TextDecoder gives for all the bytes, however they are cut', () => {
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(40), { maxLength: 8 }), (all, cuts) => {
      const decoder = new Utf8Decoder();
      const ends = cuts.filter((cut) => cut < all.length).toSorted((a, b) => a - b);
      const chunks = [...ends, all.length].map((end, i) => all.subarray(ends[i - 1] ?? 0, end));
      const text = chunks.map((chunk) => decoder.decode(chunk)).join('') + decoder.end();
      // Node 24 and 26 differ from themselves where the first of two byte order marks is cut.
      const stream = new TextDecoder();
      const parts = chunks.map((chunk) => stream.decode(chunk, { stream: true }));
      expect([new TextDecoder().decode(all), parts.join('') + stream.decode()]).toContain(text);
    }),
    { numRuns: rounds(5_000) },
  );
});
