import fc from 'fast-check';

/** Pieces that join with others into one character as people see it, and pieces that do not. */
const joining = [
  'a b 1 . \n \r \r\n \t \0 \u0085 \u2028 \u2029',
  // Combining marks, joiners, a variation selector, a keycap; marks that come before and after.
  '\u0301 \u0308 \u200c \u200d \ufe0f \u20e3 \u0903 \u0600 \u0e33',
  // Emoji, a skin tone, a family, flags of letters and of tags.
  '👍 \u{1f3fd} 👩 👧 ❤ © 👩‍👩‍👧 🇩 🇪 🇫 🇩🇪 🏴 \u{e0067} \u{e007f}',
  // Hangul jamo and syllables.
  '\u1100 \u1161 \u11a8 \uac00 \uac01',
  // Consonants, viramas and signs of Indic scripts and Khmer.
  '\u0915 \u094d \u0937 \u093c \u0995 \u09cd \u0d4e \u17d2 \u1793',
  // Format characters; and halves of surrogate pairs, which should never come.
  '\u00ad \u200b \ufeff \ud83d \ud83c \udc4d \udffd',
].flatMap((kind) => [' ', ...kind.split(' ')]);

const word = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...joining) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }) },
);

/** Text that is hard to cut. */
export const trickyText: fc.Arbitrary<string> = fc
  .array(word, { maxLength: 24 })
  .map((words) => words.join(''));

/** Text that is hard to cut, in pieces that may be cut anywhere and may be empty. */
export const trickyPieces: fc.Arbitrary<string[]> = trickyText.chain((text) =>
  fc.array(fc.nat(text.length), { maxLength: 12 }).map((positions) => {
    const cuts = [0, ...positions.toSorted((one, other) => one - other), text.length];
    return cuts.slice(1).map((end, index) => text.slice(cuts[index], end));
  }),
);

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Where the characters of `text` begin and end, as people see them. */
export function clusterBoundaries(text: string): Set<number> {
  return new Set([0, ...Array.from(segmenter.segment(text), ({ index }) => index), text.length]);
}
