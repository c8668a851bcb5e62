import { describe, expect, it } from 'vitest';
import { NO_USAGE, withUsage } from '../../../src/conversation/usage.ts';
import { costOf, promptTokens } from '../../../src/message/tokenCost.ts';

const usage = {
  input_tokens: 100_000,
  output_tokens: 10_000,
  cache_read_input_tokens: 1_000_000,
  cache_creation_input_tokens: 300_000,
  cache_creation: { ephemeral_1h_input_tokens: 100_000, ephemeral_5m_input_tokens: 200_000 },
};

describe('usage', () => {
  it('adds counters, and treats a missing counter as zero', () => {
    const once = withUsage(NO_USAGE, usage);
    expect(once).toEqual({
      input_tokens: 100_000,
      output_tokens: 10_000,
      cache_read_input_tokens: 1_000_000,
      cache_creation_input_tokens: 300_000,
    });
    expect(withUsage(once, { input_tokens: null, output_tokens: 5 })).toEqual({
      ...once,
      output_tokens: 10_005,
    });
    expect(withUsage(once, undefined)).toEqual(once);
  });

  it('uses the prices, and multiples of the input price as default', () => {
    const prices = { input: 5, output: 25 };
    expect(costOf(usage, prices)).toBeCloseTo(0.5 + 0.25 + 0.5 + 1.25 + 1);
    expect(
      costOf(usage, { ...prices, cacheRead: 1, cacheWrite: 10, cacheWrite1h: 20 }),
    ).toBeCloseTo(0.5 + 0.25 + 1 + 2 + 2);
    expect(costOf({ input_tokens: 1_000_000, cache_creation_input_tokens: null }, prices)).toBe(5);
    expect(costOf(null, prices)).toBe(0);
  });

  it('returns the tokens of the request', () => {
    expect(promptTokens(usage)).toBe(1_400_000);
    expect(promptTokens(undefined)).toBe(0);
  });
});
