import { expect, it } from 'vitest';
import { runAgUiPages } from '../support/agUiChaos.ts';

/** So that a slow machine has time for each part. */
const PART = 500;

it.each(Array.from({ length: 5 }, (_, part) => part))(
  'whatever a page of AG-UI sends back is accepted, in 2,500 cases: part %s',
  async (part) => {
    const seeds = Array.from({ length: PART }, (_, index) => 1_001 + part * PART + index);
    const tally = await runAgUiPages(seeds);
    console.log(JSON.stringify(tally));
    expect(tally.cases).toBe(PART);
    expect(tally.thoughts).toBeGreaterThan(PART / 10);
  },
  600_000,
);
