import { fromUiMessages } from 'claude-rx/ui';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../../support/rounds.ts';
import { runPages } from '../../../support/uiChaos.ts';

describe('fromUiMessages', () => {
  it('makes requests that the API accepts, with thinking intact, whatever a page sends back', async () => {
    const seeds = Array.from({ length: rounds(1_000) }, (_, index) => index + 1);
    const tally = await runPages(seeds);
    console.log(JSON.stringify(tally));
    expect(tally.cases).toBe(seeds.length);
    expect(tally.thoughts).toBeGreaterThan(seeds.length / 10);
    expect(fromUiMessages([])).toEqual({ messages: [] });
  });
});
