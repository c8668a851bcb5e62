import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  LONGEST_REPEAT,
  Seam,
  type SeamConfig,
  SHORTEST_REPEAT,
} from '../../../src/recovery/Seam.ts';
import { clusterBoundaries, trickyText } from '../../support/trickyText.ts';
import { rounds } from '../../support/rounds.ts';

/** The output of a seam for a continuation in these pieces. */
function join(config: SeamConfig, pieces: readonly string[]): string {
  const seam = new Seam(config);
  return pieces.map((piece) => seam.push(piece)).join('') + seam.end();
}

/** The output, which must be the same for one piece, for single code units, and for pieces of three. */
function joinAnyhow(config: SeamConfig, text: string): string {
  const whole = join(config, [text]);
  expect(join(config, text.split(''))).toBe(whole);
  expect(join(config, text.match(/[^]{1,3}/g) ?? [])).toBe(whole);
  return whole;
}

/** The length of the held back text after each code unit. */
function held(config: SeamConfig, text: string): number[] {
  return Array.from({ length: text.length }, (_, index) => {
    const seam = new Seam(config);
    for (const unit of text.slice(0, index + 1)) seam.push(unit);
    return seam.end().length;
  });
}

/** The number of code units before the first output. */
function swallowed(config: SeamConfig, text: string): number {
  const seam = new Seam(config);
  const first = text.split('').findIndex((unit) => seam.push(unit) !== '');
  return first === -1 ? text.length : first;
}

const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

const shown = 'Once upon a time, the quick brown fox';
const again = { sent: shown, mayRepeat: true };
const anchored = { ...again, anchor: 'the quick brown fox' };

describe('Seam', () => {
  describe('where only the left out text is repeated', () => {
    it.each([
      ['goes on without more ado', '', ' jumps', ' jumps'],
      ['drops the white space that was left out', ' ', ' jumps', 'jumps'],
      ['drops of it what comes again', '\n\n', '\njumps', 'jumps'],
      ['keeps white space beyond it', '\n', '\n\njumps', '\njumps'],
      ['keeps other white space', ' ', '\njumps', '\njumps'],
      ['keeps what begins with no white space', ' \n', 'jumps', 'jumps'],
      ['drops a whole continuation that was left out', '\n\n', '\n\n', ''],
      ['drops a part of what was left out', ' \n ', ' \n', ''],
      ['drops half of a surrogate pair, and gives the other', '\ud83d', '\ud83d\ude00!', '\ude00!'],
      ['drops white space and half a pair', ' \ud83d', ' \ud83d\ude00', '\ude00'],
      ['keeps another character than the half of one', '\ud83d', 'jumps', 'jumps'],
      ['keeps a repeat, as the model did not see a reason for one', '', shown, shown],
      ['keeps an empty continuation empty', ' ', '', ''],
    ])('%s', (_, leftOut, continuation, rest) => {
      expect(joinAnyhow({ sent: shown, leftOut }, continuation)).toBe(rest);
    });

    it('holds nothing back', () => {
      expect(held({ sent: shown, leftOut: ' \n \n' }, ' \n jumps')).toEqual(
        Array.from(' \n jumps', () => 0),
      );
    });

    it('returns the continuation without the common prefix, for any texts and pieces', () => {
      const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\ud83d'), maxLength: 4 });
      fc.assert(
        fc.property(trickyText, space, space, trickyText, (sent, leftOut, lead, text) => {
          const continuation = lead + text;
          let common = 0;
          while (common < leftOut.length && continuation[common] === leftOut[common]) common++;
          expect(joinAnyhow({ sent, leftOut }, continuation)).toBe(continuation.slice(common));
        }),
      );
    });
  });

  describe('where the end may be repeated', () => {
    it.each([
      ['a repeat', 'the quick brown fox jumps', ' jumps'],
      ['a repeat that begins inside of a word', 'ick brown fox jumps', ' jumps'],
      ['a repeat of all that was shown', `${shown} jumps`, ' jumps'],
      ['the shortest repeat', 'ck brown fox jumps', ' jumps'],
      ['a repeat that is the whole continuation', 'the quick brown fox', ''],
    ])('drops %s', (_, continuation, rest) => {
      expect(joinAnyhow(again, continuation)).toBe(rest);
    });

    it.each([
      ['text that is new', ' jumps over the lazy dog'],
      ['a repeat too short to be told', 'k brown fox jumps'],
      ['a part of what was shown that is not its end', 'upon a time, the quick red fox'],
      ['such a part as the whole continuation', 'upon a time, the quick'],
      ['a repeat in other letters', 'The Quick Brown Fox jumps'],
      ['a repeat after a line break, as code has it', '\nthe quick brown fox jumps'],
      ['a repeat in quotation marks', '"the quick brown fox" jumps'],
      ['a repeat after an ellipsis', '... the quick brown fox jumps'],
      ['an empty continuation', ''],
    ])('keeps %s', (_, continuation) => {
      expect(joinAnyhow(again, continuation)).toBe(continuation);
    });

    it('keeps the indented brace of the next line', () => {
      const sent = `if (a) {\n${' '.repeat(20)}b();\n${' '.repeat(16)}}`;
      const continuation = `\n${' '.repeat(12)}}\n        }`;
      expect(joinAnyhow({ sent, mayRepeat: true }, continuation)).toBe(continuation);
      expect(joinAnyhow({ sent, mayRepeat: true, anchor: sent.slice(-12) }, continuation)).toBe(
        continuation,
      );
    });

    it('drops the longest of several repeats', () => {
      const sent = 'Row, row, row your boat. Row, row, row your boat.';
      expect(joinAnyhow({ sent, mayRepeat: true }, `${sent.slice(25)} Gently`)).toBe(' Gently');
      expect(joinAnyhow({ sent, mayRepeat: true }, `${sent} Gently`)).toBe(' Gently');
    });

    it('drops white space that was left out, after the repeat and without one', () => {
      const config = { ...again, leftOut: '\n\n' };
      expect(joinAnyhow(config, 'the quick brown fox\n\njumps')).toBe('jumps');
      expect(joinAnyhow(config, 'the quick brown fox\njumps')).toBe('jumps');
      expect(joinAnyhow(config, 'the quick brown fox jumps')).toBe(' jumps');
      expect(joinAnyhow(config, '\n\njumps')).toBe('jumps');
      expect(joinAnyhow(config, 'jumps')).toBe('jumps');
    });

    it('holds a repeat back over several pieces', () => {
      const seam = new Seam(again);
      const given = ['the qu', 'ick ', 'brown', ' fox', ' ju', 'mps'].map((piece) =>
        seam.push(piece),
      );
      expect(given).toEqual(['', '', '', '', ' ju', 'mps']);
      expect(seam.end()).toBe('');
    });

    it('returns the held text as soon as it cannot be a repeat', () => {
      const seam = new Seam(again);
      expect(['the ', 'quick ', 'red', ' fox'].map((piece) => seam.push(piece))).toEqual([
        '',
        '',
        'the quick red',
        ' fox',
      ]);
    });

    it('returns an end at once that is too short to be a repeat', () => {
      const seam = new Seam(again);
      expect([' f', 'ox', ' jumps'].map((piece) => seam.push(piece))).toEqual([
        '',
        ' fox',
        ' jumps',
      ]);
    });

    it('returns the held text at the end of the text', () => {
      const seam = new Seam(again);
      expect(seam.push('the quick')).toBe('');
      expect(seam.end()).toBe('the quick');
      expect(seam.end()).toBe('');
      expect(seam.push('more')).toBe('more');
    });

    it('finds a repeat of 400 code units, but not a longer one', () => {
      const sent = Array.from({ length: 300 }, (_, index) => index).join(' ');
      const config = { sent, mayRepeat: true };
      expect(joinAnyhow(config, `${sent.slice(-400)} and on`)).toBe(' and on');
      expect(joinAnyhow(config, `${sent.slice(-401)} and on`)).toBe(`${sent.slice(-401)} and on`);
    });

    it('leaves characters whole at the seam', () => {
      const family = 'a family, then: 👩‍👩‍👧';
      const config = { sent: family, mayRepeat: true };
      expect(joinAnyhow(config, `${family}👦`)).toBe('👦');
      expect(joinAnyhow({ sent: 'un petit cafe', mayRepeat: true }, 'un petit cafe\u0301')).toBe(
        '\u0301',
      );
    });

    it.each([
      ['a fence that is opened again', 'const answer = 42;', '```ts\nconst answer = 42;\n```'],
      ['a fence that is closed', '```ts\nconst answer = 42;', '\n```\nThat is all.'],
      ['JSON', '{"a": [1, 2, 3], "b": ', '{"c": [1, 2, 3]}}'],
      ['a rule of a table', '| a | b |\n|---|---|', '\n| 1 | 2 |'],
    ])('leaves %s alone', (_, sent, continuation) => {
      expect(joinAnyhow({ sent, mayRepeat: true }, continuation)).toBe(continuation);
    });

    it('has nothing to hold back where nothing was sent', () => {
      const seam = new Seam({ sent: '', leftOut: '\n', mayRepeat: true });
      expect(['', '\n', 'Hello'].map((piece) => seam.push(piece))).toEqual(['', '', 'Hello']);
    });
  });

  describe('where the last words were asked for', () => {
    it.each([
      ['the anchor', 'the quick brown fox jumps', ' jumps'],
      ['the anchor after white space', '\n\nthe quick brown fox jumps', ' jumps'],
      ['the anchor as the whole continuation', 'the quick brown fox', ''],
      ['an anchor that is cut short by the end', 'the quick brow', ''],
      ['one after white space that is cut short', '\nthe quick brow', ''],
      ['a longer repeat all the same', 'a time, the quick brown fox jumps', ' jumps'],
      ['a shorter one that can be told', 'quick brown fox jumps', ' jumps'],
    ])('drops %s', (_, continuation, rest) => {
      expect(joinAnyhow(anchored, continuation)).toBe(rest);
    });

    it.each([
      ['text that goes on without it', ' jumps over the lazy dog'],
      ['the beginning of the anchor, when it goes on otherwise', 'the quick brown bear'],
      ['so little of it that it may be the answer', 'the quick b'],
      ['the anchor after more white space than a model would begin with', `         ${shown}`],
      ['white space alone', '\n \n'],
      ['the anchor in quotation marks', '"the quick brown fox" jumps'],
    ])('keeps %s', (_, continuation) => {
      expect(joinAnyhow(anchored, continuation)).toBe(continuation);
    });

    it('drops it exactly in a text that repeats itself', () => {
      const sent = 'la la la la la la la la la la la';
      const anchor = 'la la la la la la';
      const config = { sent, anchor, mayRepeat: true };
      expect(joinAnyhow(config, `${anchor} la la la and so on`)).toBe(' la la la and so on');
      expect(joinAnyhow(config, `${anchor} la la`)).toBe(' la la');
      const seam = new Seam(config);
      expect([anchor, ' la', ' la'].map((piece) => seam.push(piece))).toEqual(['', ' la', ' la']);
    });

    it('drops the white space that was left out after it, but none for that before it', () => {
      const config = { ...anchored, leftOut: '\n\n' };
      expect(joinAnyhow(config, 'the quick brown fox\n\njumps')).toBe('jumps');
      expect(joinAnyhow(config, '\n\nthe quick brown fox\n\njumps')).toBe('jumps');
      expect(joinAnyhow(config, '\n\njumps')).toBe('jumps');
    });

    it('decides at its last character', () => {
      const seam = new Seam(anchored);
      expect(seam.push('the quick brown fox')).toBe('');
      expect(seam.push('t')).toBe('t');
    });
  });

  describe('for any text', () => {
    const words = fc
      .array(fc.constantFrom('fox', 'the', '\n', '  ', '{', '}', '👍🏽', 'e\u0301', '```', 'la'), {
        maxLength: 150,
      })
      .map((list) => list.join(' '));
    const text = fc.oneof(words, trickyText, fc.string({ unit: 'binary', maxLength: 60 }));
    const sentText = text.map((any) => any.trimEnd());
    const leftOutText = fc.string({ unit: fc.constantFrom(' ', '\n'), maxLength: 3 });

    /** The rules of the doc comment, each in its simplest form. */
    function expected({ sent, leftOut = '', anchor = '' }: SeamConfig, continuation: string) {
      const tail = sent.slice(-LONGEST_REPEAT);
      const lead = /^\s{0,8}/.exec(continuation)![0];
      const afterLead = continuation.slice(lead.length);
      const lengths = Array.from({ length: tail.length }, (_, index) => index + 1);
      const repeat = lengths.findLast(
        (length) =>
          length >= SHORTEST_REPEAT &&
          continuation.length >= length &&
          tail.endsWith(continuation.slice(0, length)),
      );
      let rest = continuation.slice(repeat ?? 0);
      if (anchor && afterLead.startsWith(anchor)) rest = afterLead.slice(anchor.length);
      else if (anchor && anchor.startsWith(afterLead) && afterLead.length >= SHORTEST_REPEAT) {
        rest = '';
      }
      let common = 0;
      while (common < leftOut.length && rest[common] === leftOut[common]) common++;
      return rest.slice(common);
    }

    const seamAndText = fc
      .record({
        sent: sentText,
        leftOut: leftOutText,
        back: fc.nat(450),
        from: fc.nat(450),
        length: fc.nat(450),
        lead: fc.string({ unit: fc.constantFrom(' ', '\n'), maxLength: 10 }),
        hasAnchor: fc.boolean(),
        news: text,
      })
      .map(({ sent, leftOut, back, from, length, lead, hasAnchor, news }) => {
        const anchor = hasAnchor ? sent.slice(-40).trimStart() : '';
        // A repeat of the end, of another part, or none; and then something new.
        const repeat = sent.slice(-from).slice(0, length < 200 ? length : undefined);
        const continuation = lead + (back < 150 ? '' : back < 250 ? anchor : repeat) + news;
        return { config: { sent, leftOut, anchor, mayRepeat: true }, continuation };
      });

    it('drops a repeat by the rules, and nothing else, however the text is cut', () => {
      fc.assert(
        fc.property(
          seamAndText,
          fc.array(fc.nat(600), { maxLength: 8 }),
          ({ config, continuation }, cuts) => {
            const rest = expected(config, continuation);
            expect(joinAnyhow(config, continuation)).toBe(rest);
            const ends = [...cuts.toSorted((a, b) => a - b), continuation.length];
            const pieces = ends.map((end, at) => continuation.slice(at ? ends[at - 1] : 0, end));
            expect(join(config, pieces)).toBe(rest);
          },
        ),
        { numRuns: rounds(1_000) },
      );
    });

    it('drops a repeat of 12 to 400 code units and gives all that is new', () => {
      fc.assert(
        fc.property(sentText, leftOutText, fc.nat(388), text, (sent, leftOut, more, news) => {
          fc.pre(sent.length >= SHORTEST_REPEAT && sent === sent.trim());
          const repeat = sent.slice(-(SHORTEST_REPEAT + more));
          const fresh = `|${news}`;
          // A text that repeats itself could be taken for a longer repeat.
          fc.pre(!sent.includes('|'));
          const config = { sent, leftOut, mayRepeat: true };
          expect(joinAnyhow(config, repeat + leftOut + fresh)).toBe(fresh);
          const anchor = repeat.trimStart();
          expect(joinAnyhow({ ...config, anchor }, anchor + leftOut + news)).toBe(news);
          expect(joinAnyhow({ ...config, anchor }, `\n${anchor}${leftOut}${news}`)).toBe(news);
        }),
      );
    });

    it('drops nothing where the head is no repeat', () => {
      fc.assert(
        fc.property(sentText, text, (sent, continuation) => {
          fc.pre(!sent.includes(continuation.slice(0, SHORTEST_REPEAT)));
          const config = { sent, mayRepeat: true };
          expect(joinAnyhow(config, continuation)).toBe(continuation);
        }),
      );
    });

    it('never cuts a character in two that was whole', () => {
      fc.assert(
        fc.property(sentText, text, fc.nat(40), (sent, news, more) => {
          fc.pre(isWellFormed(sent) && isWellFormed(news) && news !== '');
          const start = [...clusterBoundaries(sent)].findLast(
            (at) => at <= sent.length - 12 - more,
          );
          const continuation = sent.slice(start ?? 0) + news;
          expect(isWellFormed(join({ sent, mayRepeat: true }, continuation.split('')))).toBe(true);
        }),
      );
    });

    it('holds back fewer than 400 code units', () => {
      const song = 'Row, row, row your boat, gently down the stream. '.repeat(12).trim();
      const config = { sent: song, mayRepeat: true };
      expect(swallowed(config, `${song.slice(3)} and on`)).toBeGreaterThan(300);
      expect(swallowed(config, `${song.slice(3)} and on`)).toBeLessThanOrEqual(LONGEST_REPEAT);
      expect(swallowed({ sent: 'a'.repeat(1_000), mayRepeat: true }, 'a'.repeat(1_000))).toBe(400);
      expect(swallowed({ ...config, anchor: song.slice(-40) }, song.slice(-40))).toBe(40);
      fc.assert(
        fc.property(seamAndText, ({ config: any, continuation }) => {
          const most = LONGEST_REPEAT + any.leftOut.length;
          expect(swallowed(any, continuation)).toBeLessThanOrEqual(most);
          for (const length of held(any, continuation.slice(0, 450))) {
            expect(length).toBeLessThan(LONGEST_REPEAT);
          }
        }),
        { numRuns: 50 },
      );
    });

    it('holds back nothing that does not occur in the end of the text', () => {
      fc.assert(
        fc.property(sentText, text, (sent, continuation) => {
          fc.pre(continuation.trimStart() !== '' && !sent.includes(continuation[0]!));
          const anchor = sent.slice(-40).trimStart();
          const seam = new Seam({ sent, mayRepeat: true });
          expect(continuation.split('').map((unit) => seam.push(unit))).toEqual(
            continuation.split(''),
          );
          fc.pre(continuation === continuation.trimStart());
          const other = new Seam({ sent, mayRepeat: true, anchor });
          expect(other.push(continuation[0]!)).toBe(continuation[0]);
        }),
      );
    });
  });

  it('reads no more text after the decision', () => {
    const seam = new Seam({ ...anchored, leftOut: '\n' });
    expect(seam.push('the quick brown fox\n jumps')).toBe(' jumps');
    const looks = (['indexOf', 'startsWith', 'endsWith', 'slice', 'trimStart'] as const).map(
      (method) => vi.spyOn(String.prototype, method),
    );
    const given = Array.from({ length: 1_000 }, () => seam.push('the quick brown fox'));
    const calls = looks.map((look) => look.mock.calls.length);
    for (const look of looks) look.mockRestore();
    expect(calls).toEqual([0, 0, 0, 0, 0]);
    expect(given.every((piece) => piece === 'the quick brown fox')).toBe(true);
  });

  it('takes a megabyte in one piece', () => {
    const news = 'la '.repeat(350_000);
    expect(join(anchored, [`the quick brown fox${news}`])).toBe(news);
    expect(join(again, [news])).toBe(news);
  });
});
