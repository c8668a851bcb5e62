import { expect, it } from 'vitest';
import { checkCalls } from '../src/calls/checkCalls.ts';
import { checkLoopCalls } from '../src/calls/checkLoopCalls.ts';

it('runs no call with an input of another, and loses none in silence, in 20,000 replies', () => {
  const { ran, errors } = checkCalls(20_000);
  expect(ran).toBeGreaterThan(5_000);
  expect(errors).toBeGreaterThan(1_000);
});

it('runs them so in a loop of tools, in 5,000 replies', async () => {
  const { ran, told } = await checkLoopCalls(5_000);
  expect(ran).toBeGreaterThan(1_000);
  expect(told).toBeGreaterThan(100);
});
