import { describe, expect, it } from 'vitest';
import { withBlock } from '../../../src/history/blocks.ts';
import { Prefix } from '../../../src/history/Prefix.ts';
import { countReads } from '../../support/countReads.ts';

const text = (value: string) => ({ type: 'text', text: value });

describe('Prefix', () => {
  it('has the fingerprint of all its blocks and their roles', () => {
    const prefix = new Prefix('seed').with('user', [text('a'), text('b')]);
    const longer = prefix.with('assistant', [text('c')]);
    const expected = [text('a'), text('b')].reduce(withBlock('user'), 'seed');
    expect(longer.fingerprint).toBe(withBlock('assistant')(expected, text('c')));
    expect(prefix.fingerprint).toBe(expected);
  });

  it('reads a block once, and only if the fingerprint is read', () => {
    const { value: block, reads } = countReads(text('a'), 'text');
    const prefix = new Prefix('seed').with('user', [block]);
    const longer = prefix.with('assistant', [text('b')]);
    expect(reads()).toBe(0);
    expect(longer.fingerprint).toBe(longer.fingerprint);
    const first = reads();
    expect(first).toBeGreaterThan(0);
    expect(prefix.fingerprint).not.toBe(longer.with('user', [text('c')]).fingerprint);
    expect(reads()).toBe(first);
  });

  it('may have any length', () => {
    let prefix = new Prefix('seed');
    for (let turn = 0; turn < 20_000; turn++) prefix = prefix.with('user', [text('a')]);
    expect(prefix.fingerprint).toMatch(/^[0-9a-z]+$/);
  });
});
