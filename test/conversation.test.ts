import { expect, it } from 'vitest';
import { runConversations } from './support/conversationChaos.ts';
import { rounds } from './support/rounds.ts';

it('a conversation sends nothing that the API refuses, in cases over HTTP', async () => {
  // With fewer, some kind of action or reply does not occur.
  const cases = Math.max(40, rounds(400));
  const tally = await runConversations(Array.from({ length: cases }, (_, index) => index + 1));
  expect(Object.keys(tally.actions)).toHaveLength(7);
  expect(Object.keys(tally.replies)).toEqual(
    expect.arrayContaining([
      'end',
      'fin',
      'rst',
      'error',
      'http error',
      'pause_turn',
      'compaction',
    ]),
  );
  expect(Object.keys(tally.outcomes)).toEqual(
    expect.arrayContaining(['idle', 'error', 'stopped', 'left']),
  );
  expect(tally.requests).toBeGreaterThan(3 * tally.cases);
});
