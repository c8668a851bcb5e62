import { expect, it } from 'vitest';
import { rounds } from '../../support/rounds.ts';
import { checkDeferredLoops } from './deferredLoops.ts';
import { checkLoops } from './loops.ts';

it('answers each call that it keeps, once and in order, in a history that the API accepts', () => {
  const outcomes = checkLoops(rounds(600));
  expect([...outcomes.keys()]).toEqual(
    expect.arrayContaining(['continue', 'end_turn', 'max_tokens', 'refusal', 'max_turns']),
  );
});

it('runs no call twice, and none of a withdrawn tool, whatever is deferred, answered and reloaded', () => {
  const counts = checkDeferredLoops(rounds(1_000));
  expect([...counts.keys()]).toEqual(expect.arrayContaining(['interrupted', 'error']));
});
