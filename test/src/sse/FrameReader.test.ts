import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../../src/sse/FrameReader.ts';
import { rounds } from '../../support/rounds.ts';

type Found = string | [event: string | undefined, data: string];

const onTooLong = (): never => {
  throw new RangeError('too long');
};

/** What a reader tells of these chunks; comments as texts. */
function read(chunks: readonly string[], takeAt = (_: string, at: number) => at): Found[] {
  const found: Found[] = [];
  const reader = new FrameReader({
    onFrame: (event, data) => found.push([event, data]),
    onComment: () => found.push('comment'),
    takeAt,
    onTooLong,
  });
  for (const chunk of chunks) reader.read(chunk);
  return found;
}

/** What the field's usual parser tells of them. */
function expected(text: string): Found[] {
  const found: Found[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => found.push([event, data]),
    onComment: () => found.push('comment'),
  });
  // It takes lines that end in CR for lines, but not the last of a chunk.
  parser.feed(text.replace(/\r\n?/g, '\n'));
  return found;
}

const piece = fc.oneof(
  fc.constantFrom('\n', '\n\n', '\r', '\r\n', '\r\n\r\n', ':', ': ', ' ', 'data', 'event'),
  fc.constantFrom('data: ', 'data:', 'event: ', 'event:', 'id: 1', 'retry: 5', 'datas: ', ':\n'),
  fc.constantFrom('data: {"a":1}\n\n', 'event: a\ndata: b\n\n', 'data\n\n', '\ufeff', 'é', '😀'),
  fc.string({ maxLength: 4 }),
);
const texts = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));

describe('FrameReader', () => {
  it('finds what eventsource-parser finds, however the text is cut', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(100), { maxLength: 8 }), (text, cuts) => {
        const ends = cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b);
        const chunks = [...ends, text.length].map((end, i) => text.slice(ends[i - 1] ?? 0, end));
        expect(read(chunks)).toEqual(expected(text));
      }),
      { numRuns: rounds(3_000) },
    );
  });

  it('offers each place where a frame may begin, and no other', () => {
    const offered: number[] = [];
    const text = 'data: a\n\nevent: b\ndata: c\n\n: d\ndata: e\n\n';
    read([text], (_, at) => {
      offered.push(at);
      return at;
    });
    // oxfmt-ignore
    expect(offered.map((at) => text.slice(at, at + 7))).toEqual(
      ['data: a', 'event: ', ': d\ndat', 'data: e', ''],
    );
  });

  it('goes on behind a frame that was taken', () => {
    const found = read(['data: a\n\ndata: b\n\ndata: c\n\n'], (text, at) =>
      text.startsWith('data: b', at) ? at + 9 : at,
    );
    expect(found).toEqual([
      [undefined, 'a'],
      [undefined, 'c'],
    ]);
  });

  it('says nothing more when it was stopped in the middle of a chunk', () => {
    const found: string[] = [];
    const reader = new FrameReader({
      onFrame: (_, data) => {
        found.push(data);
        reader.stop();
      },
      onComment: () => found.push('comment'),
      takeAt: (_, at) => at,
      onTooLong,
    });
    reader.read('data: a\n\n: b\ndata: c\n\n');
    reader.read('data: d\n\n');
    expect(found).toEqual(['a']);
  });
});
