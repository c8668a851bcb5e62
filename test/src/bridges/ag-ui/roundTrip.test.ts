import { expect, it } from 'vitest';
import { AgUiPage } from '../../../support/agUiChaos.ts';
import { runPages } from '../../../support/randomPages.ts';

// `test/long/agUi.test.ts` has many more.
it('whatever a page sends back is accepted, with its signatures', async () => {
  const tally = await runPages(
    Array.from({ length: 60 }, (_, index) => index + 1),
    AgUiPage,
  );
  expect(tally.cases).toBe(60);
  expect(tally.thoughts).toBeGreaterThan(10);
});
