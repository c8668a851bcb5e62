import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonText } from '../../../src/json/JsonText.ts';

const pushed = (pieces: readonly string[]): JsonText => {
  const json = new JsonText();
  for (const piece of pieces) json.push(piece);
  return json;
};

describe('JsonText', () => {
  it('returns the text and the value so far', () => {
    const json = pushed(['{"city":"Pa', 'ris"']);
    expect(json.text).toBe('{"city":"Paris"');
    expect(json.value).toEqual({ city: 'Paris' });
    expect(json.complete).toBe(false);
    json.push('}');
    expect(json.complete).toBe(true);
    expect(json.end()).toEqual({ city: 'Paris' });
  });

  it('throws an error only at the end, and keeps the whole text', () => {
    const json = pushed(['{"a":1,', 'b', ':2}']);
    expect(json.text).toBe('{"a":1,b:2}');
    expect(json.value).toEqual({ a: 1 });
    expect(json.complete).toBe(false);
    expect(() => json.end()).toThrow(/line 1, column 8/);
    expect(() => json.end()).toThrow(SyntaxError);
  });

  it('throws at the end for a text that is cut or empty', () => {
    expect(() => pushed(['{"a":1']).end()).toThrow(SyntaxError);
    expect(() => pushed([]).end()).toThrow(SyntaxError);
    expect(pushed([]).value).toBeUndefined();
  });

  it('returns elements, like the parser', () => {
    const json = new JsonText({ elementsAt: [], keepElements: false });
    json.push('[1,2,');
    expect(json.takeElements()).toEqual([1, 2]);
    expect(json.takeElements()).toEqual([]);
  });

  it('does not treat a number at the end as complete', () => {
    expect(pushed(['12']).complete).toBe(false);
    expect(pushed(['12 ']).complete).toBe(true);
  });

  it('ends like JSON.parse, for any text and pieces', () => {
    const text = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.string({ unit: fc.constantFrom('{', '}', '"', ':', ',', '1', 'a', '[', ']', ' ') }),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), fc.nat(), (pieces, cut) => {
        const whole = pieces.join('');
        const at = cut % (whole.length + 1);
        const json = pushed([whole.slice(0, at), whole.slice(at)]);
        expect(json.text).toBe(whole);
        let parsed: unknown;
        try {
          parsed = JSON.parse(whole);
        } catch {
          expect(() => json.end()).toThrow(SyntaxError);
          return;
        }
        expect(json.end()).toStrictEqual(parsed);
      }),
    );
  });
});
