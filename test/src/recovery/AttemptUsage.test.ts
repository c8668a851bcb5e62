import { expect, it } from 'vitest';
import { AttemptUsage } from '../../../src/recovery/AttemptUsage.ts';

it('has the totals of one attempt: counters replace, but null does not', () => {
  const usage = new AttemptUsage();
  usage.set({ input_tokens: 5, output_tokens: 1 });
  usage.update({ output_tokens: 3, input_tokens: null });
  usage.update(undefined);
  expect(usage.isSum).toBe(false);
  expect(usage.total).toMatchObject({ input_tokens: 5, output_tokens: 3 });
});

it('sums the attempts, and lists them, also those that an attempt is made of', () => {
  const usage = new AttemptUsage();
  usage.set({ input_tokens: 5, output_tokens: 1 });
  usage.next({ input_tokens: 6 });
  usage.update({ output_tokens: 4 });
  expect(usage.isSum).toBe(true);
  expect(usage.total).toEqual({
    input_tokens: 11,
    output_tokens: 5,
    attempts: [
      { input_tokens: 5, output_tokens: 1 },
      { input_tokens: 6, output_tokens: 4 },
    ],
  });
  usage.set({ attempts: [{ output_tokens: 2 }, { output_tokens: 3 }] });
  usage.next(undefined);
  expect(usage.total).toMatchObject({ input_tokens: 5, output_tokens: 6 });
});
