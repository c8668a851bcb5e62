import fc from 'fast-check';

const space = fc.constantFrom('', '', '', '', ' ', '\n', '\r\n', '\t', ' \n  ');

/** What may stand between the quotes of a string, in every spelling. */
const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', ' ', '{', '[', ',', ':', '}', ']', '0', 'é') },
  { weight: 2, arbitrary: fc.constantFrom('\u2028', '\u007f', '\ufeff', '😀', '👩‍👧', '𝒳') },
  { weight: 1, arbitrary: fc.constantFrom('\ud83d', '\ude00') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('\\n', '\\"', '\\\\', '\\/', '\\b', '\\f', '\\r', '\\t'),
  },
  { weight: 2, arbitrary: fc.constantFrom('\\u0041', '\\u00E9', '\\ud83d', '\\uDe00', '\\u0000') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }).map(unquoted) },
);

function unquoted(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

const string = fc.array(character, { maxLength: 10 }).map((parts) => `"${parts.join('')}"`);

/** A string that is longer than what is kept in small pieces. */
const longString = fc
  .tuple(fc.integer({ min: 900, max: 2_200 }), fc.array(character, { maxLength: 5 }))
  .map(([length, parts]) => `"${'x'.repeat(length)}${parts.join('')}"`);

const key = fc.oneof(
  fc.constantFrom('"__proto__"', '"constructor"', '"0"', '"10"', '"a"', '"\\u0061"', '"b"', '""'),
  string,
);

const number = fc.oneof(
  fc.constantFrom('0', '-0', '1', '12', '-1.5', '1e5', '1E+2', '0.10', '1e400', '-0.0e-0'),
  fc.stringMatching(/^-?(0|[1-9]\d{0,20})(\.\d{1,8})?([eE][+-]?\d{1,3})?$/),
);

const spaced = (token: fc.Arbitrary<string>) =>
  fc.tuple(space, token, space).map((parts) => parts.join(''));

/** JSON texts, in every spelling; `isRepeating` ones may have a key twice in an object. */
export function jsonText(isRepeating: boolean): fc.Arbitrary<string> {
  const { value, array, object } = fc.letrec<{ value: string; array: string; object: string }>(
    (tie) => ({
      value: spaced(
        fc.oneof(
          { depthSize: 'medium', withCrossShrink: true },
          { weight: 1, arbitrary: fc.constantFrom('true', 'false', 'null') },
          { weight: 2, arbitrary: number },
          { weight: 3, arbitrary: string },
          { weight: 3, arbitrary: tie('array') },
          { weight: 4, arbitrary: tie('object') },
        ),
      ),
      array: fc.array(tie('value'), { maxLength: 5 }).map((values) => `[${values.join(',')}]`),
      object: fc
        .uniqueArray(fc.tuple(key, tie('value')), {
          maxLength: 5,
          selector: (member) => (isRepeating ? member : JSON.parse(member[0])),
        })
        .map((members) => `{${members.map((member) => member.join(' :')).join(',\n')}}`),
    }),
  );
  const wideObject = fc
    .tuple(fc.integer({ min: 14, max: 24 }), fc.array(fc.tuple(key, value), { maxLength: 2 }))
    .map(([width, members]) => {
      const plain = Array.from({ length: width }, (_, i) => `"key ${i}":["${i}"]`);
      const some = members.filter(([name], i) => isRepeating || isFirst(members, name, i));
      return `{${[...plain, ...some.map((member) => member.join(':')), '"last":"one"'].join(',')}}`;
    });
  const long = longString.map((text) => `{"long":${text},"end":[${text}]}`);
  return fc.oneof(
    { weight: 4, arbitrary: value },
    { weight: 8, arbitrary: spaced(array) },
    { weight: 10, arbitrary: spaced(object) },
    { weight: 2, arbitrary: wideObject },
    { weight: 1, arbitrary: long },
  );
}

function isFirst(members: readonly [string, string][], name: string, at: number): boolean {
  return members.findIndex(([other]) => JSON.parse(other) === JSON.parse(name)) === at;
}

const stray = fc.oneof(
  fc.constantFrom(...'{}[]",:\\/-+.eEtrufalsn0123456789 \n\r\t\f\u0001\'x\ufeff\u00a0é😀'),
  fc.constantFrom('true', 'null', '""', '\\u', '\\ud83d', '01', '1.', 'NaN', '//', '\u2028'),
);

/** JSON texts with a few mistakes, and texts of what JSON is made of. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(jsonText(true), fc.nat(), fc.constantFrom(0, 0, 1, 3), stray)
      .map(([text, at, length, inserted]) => {
        const position = at % (text.length + 1);
        return text.slice(0, position) + inserted + text.slice(position + length);
      }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(jsonText(true), fc.nat())
      .map(([text, at]) => text.slice(0, at % text.length)),
  },
  { weight: 2, arbitrary: fc.array(stray, { maxLength: 12 }).map((parts) => parts.join('')) },
);

/** A text, cut anywhere; if it is short, also in nothing but characters. */
export function cut(text: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return text.chain((whole) =>
    fc.oneof(
      fc.constant(whole.length < 400 ? whole.split('') : pieces(whole, evenly(whole.length))),
      fc.constant<string[]>([whole]),
      fc
        .array(fc.nat(whole.length), { maxLength: 30 })
        .map((positions) => pieces(whole, positions)),
    ),
  );
}

export function pieces(text: string, positions: readonly number[]): string[] {
  const cuts = [0, ...positions.toSorted((one, other) => one - other), text.length];
  return cuts.slice(1).map((end, index) => text.slice(cuts[index], end));
}

function evenly(length: number): number[] {
  return Array.from({ length: 100 }, (_, index) => Math.floor((index * length) / 100));
}
