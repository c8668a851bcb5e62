import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextSegmenter, type TextUnit } from '../../../src/text/TextSegmenter.ts';
import { clusterBoundaries, trickyPieces, trickyText } from '../../support/trickyText.ts';
import { rounds } from '../../support/rounds.ts';

const units: TextUnit[] = ['grapheme', 'word', 'sentence', 'line'];

const telling = [
  'Hello|we|can|\'|t|3|.|14|,| |  |\n|\r|\r\n|e.g. |Dr. Smith|U.S.A.|! |?|…|"|”|“|(|)|_|:|;|-|/',
  'カタカナ|\u30fc|학생|입니다|שלום|מרחבא|مرحبا|؟|\u00ad|\u0301|👩‍👩‍👧|🇩🇪|\ud835|\udc9c|\u200d|ä|É|½|२|。|！',
  '\u2028|\u0085',
].join('|');

/** Text of several languages, in which what follows decides about what came before. */
const prose = fc
  .array(fc.oneof(fc.constantFrom(...telling.split('|')), trickyText), { maxLength: 16 })
  .map((words) => words.join(''));

const pieces = fc.oneof(
  trickyPieces,
  prose.chain((text) =>
    fc.array(fc.nat(text.length), { maxLength: 12 }).map((positions) => cutAt(text, positions)),
  ),
  prose.map((text) => text.split('')),
);

const samples = {
  zh: '我们在北京大学的图书馆里学习计算机科学和人工智能，老师告诉我们：机器学习是一种方法。“中华人民共和国”成立以后！结婚的和尚未结婚的人都可以参加。',
  ja: '私は東京大学で計算機科学を勉強している学生です。コンピュータープログラミングは楽しい！「すもももももももものうち」と言った。',
  th: 'สวัสดีครับผมชื่อสมชายเรียนอยู่ที่มหาวิทยาลัยเชียงใหม่ วันนี้อากาศดีมากเราจึงไปเดินเล่นที่สวนสาธารณะกับเพื่อน',
  km: 'ខ្ញុំជានិស្សិតនៅសាកលវិទ្យាល័យភ្នំពេញ ថ្ងៃនេះអាកាសធាតុល្អណាស់',
  my: 'ကျွန်တော်သည်ရန်ကုန်တက္ကသိုလ်တွင်ကွန်ပျူတာသိပ္ပံကိုလေ့လာနေသောကျောင်းသားဖြစ်ပါသည်။',
};

describe('TextSegmenter', () => {
  it.each(units)('gives %s units that joined are the pieces joined, none of them empty', (unit) => {
    fc.assert(
      fc.property(pieces, (texts) => {
        const found = cut(unit, texts);
        expect(found.join('')).toBe(texts.join(''));
        expect(found).not.toContain('');
      }),
      { numRuns: rounds(1_000) },
    );
  });

  it('does not take a mark for the letter that begins the next sentence', () => {
    expect(cut('sentence', ['.', '👩', 'ः', 'a'])).toEqual(cut('sentence', ['.👩ःa']));
  });

  it.each(units)('gives the same %s units however the text is cut', (unit) => {
    fc.assert(
      fc.property(pieces, (texts) => {
        expect(cut(unit, texts)).toEqual(cut(unit, [texts.join('')]));
      }),
      { numRuns: rounds(2_000) },
    );
  });

  it.each(['grapheme', 'sentence'] as const)('has the %s units of Intl.Segmenter', (unit) => {
    fc.assert(
      fc.property(pieces, (texts) => {
        expect(cut(unit, texts)).toEqual(segments(unit, texts.join('')));
      }),
      { numRuns: rounds(2_000) },
    );
  });

  it('cuts no word of Intl.Segmenter and no line', () => {
    fc.assert(
      fc.property(pieces, (texts) => {
        const text = texts.join('');
        const words = new Set(ends(segments('word', text)));
        expect(ends(cut('word', texts)).filter((end) => !words.has(end))).toEqual([]);
        expect(cut('line', texts)).toEqual(text.split(/(?<=\r\n|\r(?!\n)|\n)/).filter(Boolean));
      }),
      { numRuns: rounds(2_000) },
    );
  });

  it('cuts no character with any unit but lines, where CRLF is one', () => {
    fc.assert(
      fc.property(pieces, (texts) => {
        const clusters = clusterBoundaries(texts.join(''));
        for (const unit of ['grapheme', 'line'] as const) {
          expect(ends(cut(unit, texts)).filter((end) => !clusters.has(end))).toEqual([]);
        }
      }),
      { numRuns: rounds(1_000) },
    );
  });

  it.each(Object.entries(samples))('finds the words of %s, however the text is cut', (_, text) => {
    const whole = cut('word', [text]);
    const words = new Set(ends(segments('word', text)));
    expect(ends(whole).filter((end) => !words.has(end))).toEqual([]);
    expect(whole.length).toBeGreaterThan(text.length / 12);
    expect(cut('word', text.split(''))).toEqual(whole);
    for (let size = 2; size < 12; size++) {
      expect(cut('word', text.match(new RegExp(`[^]{1,${size}}`, 'g'))!)).toEqual(whole);
    }
  });

  it.each([
    ['Hello, world.  And “you”? (No.)', ['Hello,', ' world.', '  And', ' “you”?', ' (No.)']],
    ["We can't pay 3.14 or 1,000!", ['We', " can't", ' pay', ' 3.14', ' or', ' 1,000!']],
    ['see https://example.com/a', ['see', ' https://', 'example.com/', 'a']],
    ['one\n\n- two', ['one', '\n\n-', ' two']],
    ['f(x) 👍🏽👩‍👩‍👧', ['f', '(x)', ' 👍🏽', '👩‍👩‍👧']],
    ['我喜欢编程，因为“好”。', ['我', '喜欢', '编', '程，', '因为', '“好”。']],
    ['  x', ['  x']],
  ])('cuts %j into words', (text, words) => {
    expect(cut('word', [text])).toEqual(words);
  });

  it.each([
    ['Hi. How are you? Fine', ['Hi. ', 'How are you? ', 'Fine']],
    ['It is 3.14, e.g. pi. (Yes.) So', ['It is 3.14, e.g. pi. ', '(Yes.) ', 'So']],
    ['“No.” he said. OK', ['“No.” he said. ', 'OK']],
    ['你好。再见！他说', ['你好。', '再见！', '他说']],
    ['one\ntwo\n', ['one\n', 'two\n']],
  ])('cuts %j into sentences', (text, sentences) => {
    expect(cut('sentence', [text])).toEqual(sentences);
    expect(cut('sentence', text.split(''))).toEqual(sentences);
  });

  it.each([
    ['grapheme', ['a', '\u0301', 'b', '\n', 'x'], [[], [], ['a\u0301'], ['b', '\n'], []]],
    ['word', ['I can', "'", 't', ' ', 'x', ' '], [['I'], [], [], [], [" can't"], []]],
    [
      'sentence',
      ['Hi.', ' ', '(', '1', ')', 'A', '\n'],
      [[], [], [], [], [], ['Hi. '], ['(1)A\n']],
    ],
    ['sentence', ['Hi.', ' ', '(', '1', ')', 'a', '\n'], [[], [], [], [], [], [], ['Hi. (1)a\n']]],
    ['line', ['a\r', '\n', 'b\r', 'c\nd'], [[], ['a\r\n'], [], ['b\r', 'c\n']]],
  ] as const)('gives a %s once it is certain: %j', (unit, texts, expected) => {
    const segmenter = new TextSegmenter(unit, 'en');
    expect(texts.map((text) => segmenter.push(text))).toEqual(expected);
  });

  it('settles all but half a surrogate pair, and goes on from there', () => {
    const segmenter = new TextSegmenter('word', 'en');
    expect(segmenter.canSettle).toBe(false);
    expect(segmenter.push('Hi you\ud83d')).toEqual(['Hi']);
    expect(segmenter.canSettle).toBe(true);
    expect(segmenter.settle()).toEqual([' you']);
    expect([segmenter.canSettle, segmenter.held]).toEqual([false, 1]);
    expect(segmenter.settle()).toEqual([]);
    segmenter.push('\udc4d');
    expect(segmenter.canSettle).toBe(true);
    expect(segmenter.end()).toEqual(['👍']);
    expect([segmenter.canSettle, segmenter.held]).toEqual([false, 0]);
  });

  it.each(units)('gives %s units far longer than what is looked at in one go', (unit) => {
    const long = unit === 'grapheme' ? `a${'\u0301'.repeat(9_000)}` : 'a'.repeat(9_000);
    const text = `${long}. B c\n${'One two. '.repeat(300)}\n${'='.repeat(3_000)}\nEnd.`;
    const found = cut(unit, [text]);
    expect(found.join('')).toBe(text);
    expect(cut(unit, text.match(/[^]{1,7}/g)!)).toEqual(found);
    if (unit === 'grapheme' || unit === 'sentence') expect(found).toEqual(segments(unit, text));
  });

  it.each(units)('looks at each character of %s units a bounded number of times', (unit) => {
    const real = Intl.Segmenter.prototype.segment;
    let looked = 0;
    Intl.Segmenter.prototype.segment = function (text) {
      looked += text.length;
      return real.call(this, text);
    };
    const pathological = {
      grapheme: 'e' + '\u0301'.repeat(40_000),
      word: 'a'.repeat(40_000),
      sentence: 'a, '.repeat(13_000),
      line: 'a'.repeat(40_000),
    };
    try {
      const text = 'Hello 世界! '.repeat(4_000);
      cut(unit, text.match(/[^]{1,4}/g)!);
      // A sentence is looked at anew with each of its pieces: 11 of 4 code units at most.
      expect(looked).toBeLessThan(12 * text.length);
      looked = 0;
      const long = pathological[unit];
      const times = (length: number) => {
        looked = 0;
        cut(unit, long.slice(0, length).match(/[^]{1,4}/g)!);
        return looked / length;
      };
      // Below 1,024 code units each piece has a look; from there on each 16th part.
      expect(times(40_000)).toBeLessThan(17 + 1_024 ** 2 / 8 / 40_000 + 1);
    } finally {
      Intl.Segmenter.prototype.segment = real;
    }
  });
});

function cut(unit: TextUnit, texts: string[]): string[] {
  const segmenter = new TextSegmenter(unit, 'en');
  return [...texts.flatMap((text) => segmenter.push(text)), ...segmenter.end()];
}

function segments(granularity: 'grapheme' | 'word' | 'sentence', text: string): string[] {
  const segmenter = new Intl.Segmenter('en', { granularity });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function ends(texts: string[]): number[] {
  let end = 0;
  return texts.map((text) => (end += text.length));
}

function cutAt(text: string, positions: number[]): string[] {
  const cuts = [0, ...positions.toSorted((one, other) => one - other), text.length];
  return cuts.slice(1).map((end, index) => text.slice(cuts[index], end));
}
