import { expect, it } from 'vitest';
import { rounds } from '../../support/rounds.ts';
import { checkCalls } from './checkCalls.ts';

it('runs no call with an input of another, and loses none in silence, however they are written', () => {
  const { ran, errors } = checkCalls(rounds(5_000));
  expect(ran).toBeGreaterThan(0);
  expect(errors).toBeGreaterThan(0);
});
