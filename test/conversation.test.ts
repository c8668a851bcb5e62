import { expect, it } from 'vitest';
import { runConversations } from './support/conversationChaos.ts';

it('a conversation sends nothing that the API refuses, in some hundred cases over HTTP', async () => {
  const tally = await runConversations(Array.from({ length: 200 }, (_, index) => index + 1));
  expect(Object.keys(tally.actions)).toHaveLength(7);
  expect(Object.keys(tally.replies)).toEqual(
    expect.arrayContaining(['end', 'fin', 'rst', 'error', 'stall', 'http error', 'max_tokens']),
  );
  expect(Object.keys(tally.outcomes)).toEqual(
    expect.arrayContaining(['idle', 'error', 'stopped', 'left']),
  );
  expect(tally.requests).toBeGreaterThan(600);
}, 180_000);
