import { describe, expect, it } from 'vitest';
import { IncrementalJsonParser } from '../../../src/json/IncrementalJsonParser.ts';
import { JsonSyntaxError } from '../../../src/json/JsonSyntaxError.ts';
import type { JsonObject, JsonValue } from '../../../src/json/JsonValue.ts';

/** The value after each of these pieces. */
function valuesOf(...deltas: string[]): (JsonValue | undefined)[] {
  const parser = new IncrementalJsonParser();
  return deltas.map((delta) => {
    parser.push(delta);
    return parser.value;
  });
}

function parse(text: string): JsonValue {
  const parser = new IncrementalJsonParser({ maxDepth: Infinity });
  parser.push(text);
  return parser.end();
}

function errorOf(...deltas: string[]): JsonSyntaxError {
  const parser = new IncrementalJsonParser();
  try {
    for (const delta of deltas) parser.push(delta);
    parser.end();
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
  throw new Error(`${deltas.join('')} was taken`);
}

describe('IncrementalJsonParser', () => {
  it('matches the diagram of its doc comment', () => {
    const deltas = ['{"city":"Ly', 'on","temp":2', '1.5,"to', 'day":tru', 'e}'];
    expect(valuesOf(...deltas)).toEqual([
      { city: 'Ly' },
      { city: 'Lyon' },
      { city: 'Lyon', temp: 21.5 },
      { city: 'Lyon', temp: 21.5 },
      { city: 'Lyon', temp: 21.5, today: true },
    ]);
  });

  it('has no value before the first value begins', () => {
    expect(valuesOf('', ' \n', 'nul', 'l')).toEqual([undefined, undefined, undefined, null]);
    expect(valuesOf('"', 'a')).toEqual(['', 'a']);
  });

  it('holds numbers back until they are complete', () => {
    expect(valuesOf('[-', '1', '2.', '5e', '-1', ',', '0', ']')).toEqual([
      [],
      [],
      [],
      [],
      [],
      [-1.25],
      [-1.25],
      [-1.25, 0],
    ]);
    const parser = new IncrementalJsonParser();
    parser.push('12');
    expect([parser.value, parser.complete]).toEqual([undefined, false]);
    expect(parser.end()).toBe(12);
    expect([parser.value, parser.complete]).toEqual([12, true]);
  });

  it('does not treat a number at the end of a cut text as complete', () => {
    const parser = new IncrementalJsonParser();
    parser.push('{"paid":true,"amount":12');
    expect(() => parser.end()).toThrow(JsonSyntaxError);
    expect(parser.value).toEqual({ paid: true });
  });

  it('holds back half an escape and half a surrogate pair', () => {
    expect(valuesOf('"a\\', 'n\\u', '00', '4', '1', '"')).toEqual([
      'a',
      'a\n',
      'a\n',
      'a\n',
      'a\nA',
      'a\nA',
    ]);
    expect(valuesOf('"\\ud83d', '\\ude', '00"')).toEqual(['', '', '😀']);
    expect(valuesOf('"hi \ud83d', '\ude00', '"')).toEqual(['hi ', 'hi 😀', 'hi 😀']);
    expect(valuesOf('"\ud83d', '\ud83d', 'x"')).toEqual(['', '\ud83d', '\ud83d\ud83dx']);
    expect(valuesOf('"\ud83d', '"')).toEqual(['', '\ud83d']);
  });

  it('shows a key when its value begins', () => {
    expect(valuesOf('{"a', '"', ':', '"', '","b":', '[')).toEqual([
      {},
      {},
      {},
      { a: '' },
      { a: '' },
      { a: '', b: [] },
    ]);
  });

  it('keeps unchanged branches, and returns new objects for changed ones', () => {
    const parser = new IncrementalJsonParser();
    parser.push('{"done":{"x":[1]},"open":[{"y":2},"a');
    const first = parser.value as JsonObject;
    expect(parser.value).toBe(first);
    parser.push('b');
    const second = parser.value as JsonObject;
    expect(second).not.toBe(first);
    expect(second.done).toBe(first.done);
    expect((second.open as JsonValue[])[0]).toBe((first.open as JsonValue[])[0]);
    expect(first).toEqual({ done: { x: [1] }, open: [{ y: 2 }, 'a'] });
    expect(second).toEqual({ done: { x: [1] }, open: [{ y: 2 }, 'ab'] });
    parser.push('"], "next');
    expect(parser.value).toBe(second);
    parser.push('": null }');
    expect((parser.end() as JsonObject).open).toBe(second.open);
  });

  it('puts the last of repeated keys in the place of the first, with a new value', () => {
    expect(valuesOf('{"a":[1],"b":2,"a":', '[', '3]}')).toEqual([
      { a: [1], b: 2 },
      { a: [], b: 2 },
      { a: [3], b: 2 },
    ]);
    expect(Object.keys(parse('{"a":1,"b":2,"a":3}') as JsonObject)).toEqual(['a', 'b']);
  });

  it('treats __proto__ as a normal key, in objects of any width', () => {
    for (const width of [0, 3, 40]) {
      const members = Array.from({ length: width }, (_, i) => `"k${i}":${i}`);
      const text = `{${['"__proto__":{"polluted":true}', ...members].join(',')}}`;
      const parser = new IncrementalJsonParser();
      for (const char of text) {
        parser.push(char);
        expect(Object.getPrototypeOf(parser.value ?? {})).toBe(Object.prototype);
      }
      const value = parser.end() as JsonObject;
      expect(value).toStrictEqual(JSON.parse(text));
      expect(Object.keys(value)[0]).toBe('__proto__');
      expect((value as { polluted?: boolean }).polluted).toBeUndefined();
    }
  });

  it('copies wide objects unchanged', () => {
    const members = Array.from({ length: 60 }, (_, i) => `"k${i % 50}":["${i}"]`);
    const parser = new IncrementalJsonParser();
    const start = `{${members.join(',')},"last":{"x`;
    parser.push(start);
    const before = parser.value as JsonObject;
    expect(JSON.stringify(before)).toBe(
      JSON.stringify(JSON.parse(`{${members.join(',')},"last":{}}`)),
    );
    parser.push('":1,"y":"');
    const later = parser.value as JsonObject;
    expect(later.k7).toBe(before.k7);
    expect(later.last).toEqual({ x: 1, y: '' });
    expect(before.last).toEqual({});
  });

  it('accepts only white space after the value', () => {
    const parser = new IncrementalJsonParser();
    parser.push('{}');
    expect(parser.complete).toBe(true);
    parser.push(' \r\n\t');
    expect(parser.complete).toBe(true);
    expect(() => parser.push('{')).toThrow('where the end of the text was expected');
    expect(parser.complete).toBe(false);
    expect(parser.value).toEqual({});
  });

  it('throws an error with the position and the text before it', () => {
    expect(errorOf('{\r\n  "a": 1,\n', '  "b": tru', 'x}')).toMatchObject({
      name: 'JsonSyntaxError',
      message:
        'Unexpected "x" where true, false or null was expected at line 3, column 11 of the JSON: ' +
        String.raw`"{\r\n  \"a\": 1,\n  \"b\": trux"`,
      position: 23,
      line: 3,
      column: 11,
      context: '{\r\n  "a": 1,\n  "b": trux',
    });
    expect(errorOf('{"a":"', 'x'.repeat(5_000), '\n"}')).toMatchObject({
      message: expect.stringContaining('Control character that is not escaped at line 1'),
      position: 5_006,
      line: 1,
      column: 5_007,
      context: `${'x'.repeat(39)}\n`,
    });
  });

  it.each([
    ['', 'Unexpected end of the text where a value was expected', 0],
    ['  ', 'Unexpected end of the text where a value was expected', 2],
    ['[1,', 'Unexpected end of the text where a value was expected', 3],
    ['[12', 'Unexpected end of the text where the rest of the number was expected', 3],
    ['"abc', 'Unexpected end of the text where the rest of the string was expected', 4],
    ['{"a"', 'Unexpected end of the text where ":" was expected', 4],
    ['{"a":1', 'Unexpected end of the text where the rest of the number was expected', 6],
    ['{"a":[]', 'Unexpected end of the text where "," or "}" was expected', 7],
    ['[1,]', 'Unexpected "]" where a value was expected', 3],
    ['[1}', 'Unexpected "}" where "," or "]" was expected', 2],
    ['{"a":1,}', 'Unexpected "}" where a key in double quotes was expected', 7],
    ["{'a':1}", `Unexpected "'" where a key in double quotes or "}" was expected`, 1],
    ['{"a" "b"}', `Unexpected '"' where ":" was expected`, 5],
    ['"\\x"', 'Unexpected "x" where one of " \\ / b f n r t u was expected', 2],
    ['"\\u12g4"', 'Unexpected "g" where a hexadecimal digit was expected', 5],
    ['-x', 'Unexpected "x" where the rest of the number was expected', 1],
    ['01', 'Unexpected "1" where the end of the text was expected', 1],
    ['nulL', 'Unexpected "L" where true, false or null was expected', 3],
    ['// x', 'Unexpected "/" where a value was expected', 0],
    ['\ufeff{}', 'Unexpected U+FEFF where a value was expected', 0],
    ['{}\u00a0', 'Unexpected U+00A0 where the end of the text was expected', 2],
  ])('refuses %j', (text, message, position) => {
    expect(errorOf(text).message).toContain(message);
    expect(errorOf(...text)).toMatchObject({ position, message: errorOf(text).message });
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  it('keeps its error, and the value before the error', () => {
    const parser = new IncrementalJsonParser();
    parser.push('{"path":"a.ts","content":"let');
    const error = errorOf('{"path":"a.ts","content":"let', ' x\\q', '"}');
    expect(() => parser.push(' x\\q"}')).toThrow(error);
    expect(() => parser.push('"}')).toThrow(error);
    expect(() => parser.end()).toThrow(error);
    expect(parser.value).toEqual({ path: 'a.ts', content: 'let x' });
    expect(parser.complete).toBe(false);
  });

  it('refuses more after the end', () => {
    const parser = new IncrementalJsonParser();
    parser.push('12');
    parser.end();
    expect(parser.end()).toBe(12);
    expect(() => parser.push('3')).toThrow(JsonSyntaxError);
  });

  it('reads 100,000 brackets without recursion', () => {
    const depth = 100_000;
    const parser = new IncrementalJsonParser({ maxDepth: Infinity });
    parser.push('[{"a":'.repeat(depth / 2));
    let inner = parser.value;
    let levels = 0;
    for (; inner !== undefined; levels++)
      inner = (inner as JsonValue[])[0] ?? (inner as JsonObject).a;
    expect(levels).toBe(depth);
    parser.push(`1${'}]'.repeat(depth / 2)}`);
    expect(parser.complete).toBe(true);
    expect(() => JSON.parse('['.repeat(depth) + ']'.repeat(depth))).not.toThrow();
  });

  it('allows at most maxDepth open arrays and objects', () => {
    const parser = new IncrementalJsonParser({ maxDepth: 2 });
    parser.push('[{"a":1},{"b":2},[],"');
    parser.push('"');
    expect(() => parser.push(',[[')).toThrow(
      'More than 2 levels (maxDepth) at line 1, column 25 of the JSON',
    );
    expect(parser.value).toEqual([{ a: 1 }, { b: 2 }, [], '', []]);
    const one = new IncrementalJsonParser();
    one.push('['.repeat(1_000));
    expect(() => one.push('[')).toThrow('More than 1000 levels');
    const none = new IncrementalJsonParser({ maxDepth: 0 });
    none.push('"text"');
    expect(none.end()).toBe('text');
  });

  it('returns the elements of one array as they are completed', () => {
    const parser = new IncrementalJsonParser({ elementsAt: ['data', 1, 'list'] });
    const text = '{"list":[0],"data":[{"list":[1]},{"x":[2],"list":[3,"4",[5],{"list":[6]}]},[7]]}';
    const taken = [...text].map((char) => {
      parser.push(char);
      return parser.takeElements();
    });
    expect(taken.flat()).toEqual([3, '4', [5], { list: [6] }]);
    expect(taken[text.indexOf('3') + 1]).toEqual([3]);
    expect(taken[text.indexOf('"4"') + 2]).toEqual(['4']);
    expect(parser.end()).toEqual(JSON.parse(text));
    expect(parser.takeElements()).toEqual([]);
  });

  it('drops returned elements with `keepElements: false`', () => {
    const parser = new IncrementalJsonParser({ elementsAt: [], keepElements: false });
    parser.push('[{"a":1},{"b":"x');
    const open = parser.value;
    expect(open).toEqual([{ b: 'x' }]);
    parser.push('y"}');
    expect(parser.value).toEqual([]);
    expect(open).toEqual([{ b: 'x' }]);
    expect(parser.takeElements()).toEqual([{ a: 1 }, { b: 'xy' }]);
    parser.push(',3]');
    expect(parser.end()).toEqual([]);
    expect(parser.takeElements()).toEqual([3]);
  });

  it('keeps the elements that were completed before an error', () => {
    const parser = new IncrementalJsonParser({ elementsAt: [] });
    expect(() => parser.push('[1,2,x')).toThrow(JsonSyntaxError);
    expect(parser.takeElements()).toEqual([1, 2]);
  });

  it('checks its arguments', () => {
    expect(() => new IncrementalJsonParser({ maxDepth: -1 })).toThrow(TypeError);
    expect(() => new IncrementalJsonParser({ maxDepth: Number.NaN })).toThrow(TypeError);
    expect(() => new IncrementalJsonParser({ elementsAt: 'a' as never })).toThrow(TypeError);
    expect(() => new IncrementalJsonParser().push(undefined as never)).toThrow(
      'push() needs a string, not undefined',
    );
  });
});
