import { expect, it } from 'vitest';
import { rounds } from '../../support/rounds.ts';
import { checkLoops } from './loops.ts';

it('answers each call that it keeps, once and in order, in a history that the API takes', () => {
  const outcomes = checkLoops(rounds(600));
  expect([...outcomes.keys()]).toEqual(
    expect.arrayContaining(['continue', 'end_turn', 'max_tokens', 'refusal', 'max_turns']),
  );
});
