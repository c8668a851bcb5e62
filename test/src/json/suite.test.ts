import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IncrementalJsonParser } from '../../../src/json/IncrementalJsonParser.ts';
import { rounds } from '../../support/rounds.ts';
import { pieces } from './jsonTexts.ts';

/** The public JSON test suite (nst/JSONTestSuite), where it lies beside the project. */
const folder = fileURLToPath(new URL('../../../../shared/json-test-suite/', import.meta.url));
const files = existsSync(folder)
  ? readdirSync(folder).filter((name) => name.endsWith('.json'))
  : [];

/** The same classes in cases of our own: these have to be taken ... */
const taken: Record<string, string[]> = {
  arrays: ['[]', '[ ]', '[[]]', '[[],[[]]]', '[1,2]', ' [ 1 , 2 ] ', '[null]', '["a",{}]\n'],
  'nested arrays': ['['.repeat(600) + ']'.repeat(600)],
  objects: ['{}', '{ }', '{"a":1}', '{"":0}', '{"a":{"b":{}}}', '{ "a" : 1 , "b" : [] }'],
  'repeated keys': ['{"a":1,"a":2}', '{"a":[1],"b":0,"a":{}}', '{"\\u0061":1,"a":2}'],
  'keys like any other': [
    '{"__proto__":1}',
    '{"toString":1}',
    '{"1":1,"a":2,"0":3}',
    '{"\\u0000":1}',
  ],
  integers: [
    '0',
    '-0',
    '7',
    '-7',
    '1234567890',
    '[-1]',
    '9007199254740993',
    '-123123123123123123123',
  ],
  fractions: ['0.0', '-0.0', '1.5', '0.10', '123.456789012345678901234567890'],
  exponents: ['1e1', '1E1', '1e+1', '1e-1', '0e0', '1.5E+10', '-0e-0', '1e00'],
  'numbers beyond a double': ['1e400', '-1e400', '1e-400', '[1e+99999]', '0.4e006699999999'],
  strings: ['""', '"a"', '" "', '"\u007f"', '"\u2028\u2029"', '"é"', '"€"', '"😀"', '"/"', '"//"'],
  escapes: ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u0041\\u00e9\\u20AC"', '"\\u0000"', '"\\\\u0000"'],
  'escaped pairs': ['"\\ud83d\\ude00"', '"\\uD834\\uDD1E"', '"\\uDBFF\\uDFFE"'],
  'lone surrogates': ['"\\ud800"', '"\\udead"', '"\\ud800\\ud800\\n"', '"\ud83d"', '{"\\udfaa":0}'],
  noncharacters: ['"\\uFFFF"', '"\uffff"', '"\u{10ffff}"', '"\ufeff"'],
  literals: ['true', 'false', 'null', '[true,false,null]', ' null '],
  'white space': [' []', '\t\n\r []\r\n', '[\n1\r\n,\t2]'],
};

/** ... and these refused. */
const refused: Record<string, string[]> = {
  nothing: ['', ' ', '\n'],
  'open arrays': ['[', '[1', '[1,', '[""', '[[]', '[{}', '['.repeat(2_000)],
  'open objects': ['{', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":{}', '[{"":'.repeat(600)],
  'open strings': ['"', '"a', '["a', '{"a', '"\\', '"\\"', '"\\u', '"\\u00', '"\\ud83d\\'],
  'closed too much': [']', '}', '[]]', '{}}', '[1]]', '[}', '{]', '[1}', '{"a":1]'],
  commas: [
    '[,]',
    '[1,]',
    '[,1]',
    '[1,,2]',
    ',',
    '{,}',
    '{"a":1,}',
    '{"a":1,,"b":2}',
    '[1 2]',
    '[1;2]',
  ],
  colons: ['[1:2]', '{"a" 1}', '{"a"::1}', '{:1}', '{"a":}', '{"a",1}', ':'],
  keys: [
    '{a:1}',
    "{'a':1}",
    '{1:1}',
    '{null:1}',
    '{[]:1}',
    '{"a":1 "b":2}',
    '{"a"}',
    '{"a":1,"b"}',
  ],
  'signs and zeros': [
    '-',
    '--1',
    '+1',
    '- 1',
    '01',
    '-01',
    '00',
    '[-]',
    '[-a]',
    '-+1',
    '1-1',
    '0x1',
  ],
  'fractions and exponents': [
    '.5',
    '1.',
    '-.5',
    '1.e1',
    '1e',
    '1e+',
    '1e-',
    '1.5e',
    '1e1.5',
    '1ee1',
  ],
  'other numbers': ['Infinity', '-Infinity', 'NaN', '-NaN', '1_000', '1a', '[1 000]', '１', '0b1'],
  literals: [
    'tru',
    'truE',
    'True',
    'nul',
    'nullx',
    'fals',
    'undefined',
    '[nul]',
    'truefalse',
    'TRUE',
  ],
  'quotes of other kinds': ["'a'", '`a`', '“a”', "['a']", '[a]'],
  'control characters': [
    '"\n"',
    '"\t"',
    '"\u0000"',
    '"\u001f"',
    '"a\r"',
    '{"a\n":1}',
    '\u0000',
    '[\f]',
  ],
  escapes: [
    '"\\x41"',
    '"\\a"',
    '"\\\'"',
    '"\\0"',
    '"\\ "',
    '"\\\n"',
    '"\\U0041"',
    '"\\😀"',
    '"\\u{41}"',
  ],
  'hexadecimal digits': [
    '"\\u00g0"',
    '"\\u 041"',
    '"\\u-041"',
    '"\\uD800\\u1"',
    '"\\u00"',
    '"\\u１２３４"',
  ],
  comments: ['// a\n1', '/**/1', '[1] // a', '[1,/*a*/2]', '# a\n1', '{"a":1}#', '{/*a*/}'],
  'white space of other kinds': [
    '\u00a0[]',
    '[]\u00a0',
    '[\u2028]',
    '\u000b1',
    '[]\u2060',
    '\u3000{}',
  ],
  'byte order marks': ['\ufeff', '\ufeff{}', '\ufeff[]', '{}\ufeff', '[\ufeff]'],
  'more than one value': [
    '1 2',
    '{}{}',
    '[][]',
    '""""',
    'null null',
    '{} x',
    '[1],',
    '1]',
    'true,',
  ],
};

const isJson = (text: string) => isTakenBy(() => JSON.parse(text));

function isTakenBy(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

/** Whether the parser takes these pieces, or refuses them, as `JSON.parse` does the whole. */
function agrees(deltas: readonly string[], maxDepth: number): boolean {
  const text = deltas.join('');
  const parser = new IncrementalJsonParser({ maxDepth });
  const isTaken = isTakenBy(() => {
    for (const delta of deltas) parser.push(delta);
    parser.end();
  });
  if (isTaken !== isJson(text) || isTaken !== parser.complete) return false;
  return !isTaken || isDeepStrictEqual(parser.value, JSON.parse(text));
}

/** Those splittings of it with which it does not: whole, by character, and in random pieces. */
function mistakesWith(text: string): (readonly string[])[] {
  const cuts = fc.array(fc.nat(text.length), { minLength: 1, maxLength: 20 });
  const random = fc
    .sample(cuts, rounds(text.length > 10_000 ? 3 : 20))
    .map((positions) => pieces(text, positions));
  const splittings = [[text], text.split(''), ...random];
  return splittings.filter((deltas) => !agrees(deltas, 1_000) || !agrees(deltas, Infinity));
}

describe('IncrementalJsonParser accepts and refuses the same texts as JSON.parse', () => {
  it.each(Object.entries(taken))('takes %s', (_, texts) => {
    expect(texts.filter((text) => !isJson(text))).toEqual([]);
    expect(texts.flatMap(mistakesWith)).toEqual([]);
  });

  it.each(Object.entries(refused))('refuses %s', (_, texts) => {
    expect(texts.filter(isJson)).toEqual([]);
    expect(texts.flatMap(mistakesWith)).toEqual([]);
  });

  it(`agrees with it on the public suite: ${files.length} files`, { timeout: 60_000 }, () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const texts = files.map((file) => [file, decoder.decode(readFileSync(folder + file))] as const);
    const verdicts = texts.filter(([file]) => !file.startsWith('i_'));
    expect(verdicts.filter(([file, text]) => isJson(text) !== file.startsWith('y_'))).toEqual([]);
    expect(texts.filter(([, text]) => mistakesWith(text).length > 0)).toEqual([]);
  });
});
