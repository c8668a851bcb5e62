import fc from 'fast-check';
import { EventDecoder } from 'claude-rx';

/** A string of JSON as somebody may write it: with escapes where there need be none. */
const written = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).map(escaped) },
      { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 5 }).map(escaped) },
      { weight: 2, arbitrary: fc.constantFrom('\\n', '\\t', '\\"', '\\\\', '\\/', '\\b\\f\\r') },
      {
        weight: 2,
        arbitrary: fc.nat(0xffff).map((code) => `\\u${code.toString(16).padStart(4, '0')}`),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          '\\ud83d\\ude00',
          '\\ude00',
          '\\ud83d',
          '\u2028',
          '\u007f',
          '\ufeff',
        ),
      },
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

/** What JSON refuses in a string, and a decoder ends with. */
const refused = fc.constantFrom('\\x', '\\u12', '\t', '\0', '"', '\\');

const space = fc.constantFrom('', '', '', ' ', '   ', '\t');
const number = fc.constantFrom(
  '0',
  '0',
  '1',
  '-1',
  '1e2',
  '0.5',
  '12345678901234567890',
  '01',
  '"0"',
  'null',
);

const deltaTypes = fc.constantFrom(
  ['text_delta', 'text'],
  ['text_delta', 'text'],
  ['thinking_delta', 'thinking'],
  ['input_json_delta', 'partial_json'],
  ['signature_delta', 'signature'],
  ['text_delta', 'thinking'],
);

/** The members of an object in some order, some of them twice, with keys that nobody knows. */
function object(members: [key: string, value: string][], blank: string, order: number): string {
  const extra: [string, string] = ['x', '{"y":[1,"}}"]}'];
  const orders = [
    members,
    members,
    members,
    members.toReversed(),
    [...members, extra],
    [extra, ...members],
    [...members, members.at(-1)!],
    [members.at(-1)!, ...members],
    [...members, members[0]!],
  ];
  const text = orders[order % orders.length]!.map(
    ([key, value]) => `"${key}":${blank}${value}`,
  ).join(`,${blank}`);
  return `{${text}${blank}}`;
}

/** Lines as they follow each other in a stream: alike but for the text, most of the time. */
export const lines: fc.Arbitrary<string[]> = fc
  .record({
    blank: space,
    type: deltaTypes,
    index: number,
    order: fc.noBias(fc.nat(30)),
    inner: fc.noBias(fc.nat(30)),
    texts: fc.array(
      fc.record({
        text: written,
        bad: refused,
        end: fc.constantFrom('', '', '', ' ', '      ', '\t'),
        cut: fc.noBias(fc.nat(100)),
        other: fc.noBias(fc.nat(100)),
        blank: space,
      }),
      { minLength: 20, maxLength: 40 },
    ),
  })
  .map(({ blank, type: [type, key], index, order, inner, texts }) =>
    texts.map((line) => {
      const differs = line.other === 0;
      const text = line.other === 1 ? line.text + line.bad : line.text;
      const delta = object(
        [
          ['type', `"${type}"`],
          [key!, `"${text}"`],
        ],
        differs ? line.blank : blank,
        inner < 9 ? inner : 0,
      );
      const whole = object(
        [
          ['type', '"content_block_delta"'],
          ['index', index],
          ['delta', delta + line.end],
        ],
        differs ? line.blank : blank,
        order < 9 ? order : differs ? line.other : 0,
      );
      return line.cut === 0 ? whole.slice(0, Math.floor(whole.length / 2)) : whole;
    }),
  );

/** What of the lines a decoder reads otherwise than `JSON.parse`; and how many it did not parse. */
export function differences(all: readonly string[]): { bad: string[]; fast: number } {
  const encoder = new TextEncoder();
  const bad: string[] = [];
  let fast = 0;
  let decoder = new EventDecoder((event) => (found = event));
  let found: unknown;
  const { parse } = JSON;
  for (const line of all) {
    if (/[\n\r]/.test(line)) continue;
    const expected = attempt(() => parse(line));
    found = undefined;
    let parsed = 0;
    JSON.parse = (text: string) => {
      if (text === line) parsed++;
      return parse(text);
    };
    const thrown = attempt(() =>
      decoder.push(encoder.encode(`event: content_block_delta\ndata: ${line}\n\n`)),
    ).error;
    JSON.parse = parse;
    if (parsed === 0) fast++;
    // Written out again, so that the order of keys counts as well.
    if (JSON.stringify(found) !== JSON.stringify(expected.value) || !thrown !== !expected.error) {
      bad.push(line);
    }
    if (thrown) decoder = new EventDecoder((event) => (found = event));
  }
  return { bad, fast };
}

function attempt<T>(work: () => T): { value?: T; error?: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
