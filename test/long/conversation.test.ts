import { expect, it } from 'vitest';
import { runConversations } from '../support/conversationChaos.ts';

/** So that a slow machine has time for each part. */
const PART = 500;

it.each(Array.from({ length: 10 }, (_, part) => part))(
  'a conversation sends nothing that the API refuses, in 5,000 cases over HTTP: part %s',
  async (part) => {
    const seeds = Array.from({ length: PART }, (_, index) => 1_001 + part * PART + index);
    const tally = await runConversations(seeds);
    console.log(JSON.stringify(tally));
    expect(tally.cases).toBe(PART);
  },
  600_000,
);
