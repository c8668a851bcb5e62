import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineDecoder } from '../../../src/node/LineDecoder.ts';

function linesOf(chunks: Iterable<Uint8Array>, maxLength = 1_000): string[] {
  const lines: string[] = [];
  const decoder = new LineDecoder((line) => lines.push(line), maxLength);
  for (const chunk of chunks) decoder.push(chunk);
  decoder.end();
  return lines;
}

describe('LineDecoder', () => {
  it('emits the same lines wherever the chunks end', () => {
    const bytes = Buffer.from('{"a":"Grüße 世界 🌥️"}\n\nplain\r\n{}\nno end');
    const lines = ['{"a":"Grüße 世界 🌥️"}', 'plain\r', '{}', 'no end'];
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const cut = [
          bytes.subarray(0, first),
          bytes.subarray(first, second),
          bytes.subarray(second),
        ];
        expect(linesOf(cut)).toEqual(lines);
      }
    }
  });

  it('emits any lines from any chunks', () => {
    const line = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .map((said) => said.replaceAll('\n', ' '));
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 9 }), (lines, size) => {
        const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        expect(linesOf(chunks)).toEqual(lines);
      }),
    );
  });

  it('joins the chunks of a line of 64 MB only once', () => {
    // Were it put together anew for each of them, these would be 2 TB of copies.
    const piece = Buffer.alloc(1_024, 'x');
    const chunks = Array.from({ length: 65_536 }, () => piece);
    const [line, ...more] = linesOf(chunks, 64 * 2 ** 20);
    expect(line).toHaveLength(64 * 2 ** 20);
    expect(more).toEqual([]);
  });

  it('refuses a longer line as soon as it is longer, and quotes its beginning', () => {
    expect(() => linesOf([Buffer.from('0123456789\n')], 10)).not.toThrow();
    const decoder = new LineDecoder(() => {}, 10);
    decoder.push(Buffer.from('01234'));
    expect(() => decoder.push(Buffer.from('567890'))).toThrow(/longer than 10 bytes.*"01234"/);
  });

  it('emits nothing after it is stopped, also inside a chunk', () => {
    const lines: string[] = [];
    const decoder = new LineDecoder((line) => {
      lines.push(line);
      decoder.stop();
    }, 100);
    decoder.push(Buffer.from('one\ntwo\nthree'));
    decoder.end();
    expect(lines).toEqual(['one']);
  });
});
