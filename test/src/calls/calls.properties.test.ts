import { expect, it } from 'vitest';
import { rounds } from '../../support/rounds.ts';
import { checkCalls } from './checkCalls.ts';
import { checkLoopCalls } from './checkLoopCalls.ts';

it('runs no call with an input of another, and loses none in silence, however they are written', () => {
  const { ran, errors } = checkCalls(rounds(5_000));
  expect(ran).toBeGreaterThan(0);
  expect(errors).toBeGreaterThan(0);
});

it('runs them so in a loop of tools, and tells the model of those that did not run', async () => {
  const { ran, told } = await checkLoopCalls(rounds(500));
  expect(ran).toBeGreaterThan(0);
  expect(told).toBeGreaterThan(0);
});
