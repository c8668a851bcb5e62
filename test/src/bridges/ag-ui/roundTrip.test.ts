import { expect, it } from 'vitest';
import { runAgUiPages } from '../../../support/agUiChaos.ts';
import { rounds } from '../../../support/rounds.ts';

it('whatever a page sends back is accepted, with its signatures', async () => {
  const count = rounds(5_000);
  const tally = await runAgUiPages(Array.from({ length: count }, (_, index) => index + 1));
  console.log(JSON.stringify(tally));
  expect(tally.cases).toBe(count);
  expect(tally.thoughts).toBeGreaterThan(count / 10);
}, 60_000);
