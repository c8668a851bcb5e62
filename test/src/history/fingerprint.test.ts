import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../../src/history/fingerprint.ts';
import { rounds } from '../../support/rounds.ts';

describe('fingerprint', () => {
  it('is the same for the same values, wherever the cache breakpoints are', () => {
    const text = { type: 'text', text: 'Hi' };
    const marked = { ...text, cache_control: { type: 'ephemeral' } };
    expect(fingerprint('a', [marked])).toBe(fingerprint('a', [text]));
    expect(fingerprint('a', JSON.parse(JSON.stringify(text)))).toBe(fingerprint('a', text));
  });

  it('differs for another image of the same size', () => {
    const image = (data: string) => ({ type: 'image', source: { type: 'base64', data } });
    const data = Buffer.alloc(300_000, 'one image').toString('base64');
    const other = Buffer.alloc(300_000, 'an other one').toString('base64');
    expect(fingerprint('', image(other))).not.toBe(fingerprint('', image(data)));
    expect(fingerprint('', image(`${data}=`))).not.toBe(fingerprint('', image(data)));
    expect(fingerprint('', image(`${data}`))).toBe(fingerprint('', image(data)));
  });

  it('does not change between versions, because saved conversations contain it', () => {
    const image = { type: 'image', source: { type: 'base64', data: 'abcd'.repeat(50_000) } };
    expect(fingerprint('', { type: 'text', text: 'Hi' })).toBe('1df6qc7wfkq');
    expect(fingerprint('seed user', { type: 'text', text: 'x'.repeat(1_000) })).toBe('13aj9mbv20a');
    expect(fingerprint('a', [1, null, 'é'])).toBe('2g4j5u130mk');
    expect(fingerprint('b', image)).toBe('12sqezbbigw');
  });

  it('differs if the value, or anything before it, differs', () => {
    const pair = fc.tuple(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(pair, pair, ([before, value], [other, later]) => {
        const isSame = before === other && JSON.stringify(value) === JSON.stringify(later);
        expect(fingerprint(before, value) === fingerprint(other, later)).toBe(isSame);
      }),
      { numRuns: rounds(2_000) },
    );
    const all = Array.from({ length: 50_000 }, (_, index) => fingerprint('', index));
    expect(new Set(all).size).toBe(all.length);
  });
});
