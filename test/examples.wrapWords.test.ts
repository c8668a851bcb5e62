import { segmentText } from 'claude-rx';
import fc from 'fast-check';
import { from, lastValueFrom, map, toArray } from 'rxjs';
import { expect, it } from 'vitest';
import { wrapWords } from '../examples/wrapWords.ts';
import { rounds } from './support/rounds.ts';

const wrap = async (pieces: string[], columns: number) => {
  const words = from(pieces).pipe(segmentText('word'), map(wrapWords(columns)), toArray());
  return (await lastValueFrom(words)).join('');
};

it('breaks lines between words, at the width of the terminal', async () => {
  const text = 'The quick brown fox jumps over\nthe lazy dog, and a supercalifragilistic one.';
  expect(await wrap(text.split(/(?<=r)/), 16)).toBe(
    'The quick brown\nfox jumps over\nthe lazy dog,\nand a\nsupercalifragilistic\none.',
  );
  expect(await wrap([text], Infinity)).toBe(text);
  expect(await wrap(['日本語 日本語 🎉 ok'], 8)).toBe('日本語\n日本語\n🎉 ok');
});

it('changes nothing but white space before words, and exceeds the width only by a long word', async () => {
  const word = fc.string({ unit: fc.constantFrom(...'abc'), minLength: 1, maxLength: 12 });
  const text = fc.array(word).map((words) => words.join(' '));
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 20 }), async (whole, columns) => {
      const wrapped = await wrap(whole.split(/(?<=b)/), columns);
      expect(wrapped.replaceAll('\n', ' ')).toBe(whole);
      const lines = wrapped.split('\n');
      expect(lines.filter((line) => line.length > columns && line.includes(' '))).toEqual([]);
    }),
    { numRuns: rounds(300) },
  );
});
