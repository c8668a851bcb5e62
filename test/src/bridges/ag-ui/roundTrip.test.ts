import { expect, it } from 'vitest';
import { runAgUiPages } from '../../../support/agUiChaos.ts';

// `test/long/agUi.test.ts` has many more.
it('whatever a page sends back is accepted, with its signatures', async () => {
  const tally = await runAgUiPages(Array.from({ length: 60 }, (_, index) => index + 1));
  expect(tally.cases).toBe(60);
  expect(tally.thoughts).toBeGreaterThan(10);
});
