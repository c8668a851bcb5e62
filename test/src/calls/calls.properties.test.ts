import { expect, it } from 'vitest';
import { rounds } from '../../support/rounds.ts';
import { checkCalls } from './checkCalls.ts';
import { checkLoopCalls } from './checkLoopCalls.ts';

it('runs no call with the input of another, and loses no call silently, for any order of events', () => {
  const { ran, errors } = checkCalls(rounds(5_000));
  expect(ran).toBeGreaterThan(0);
  expect(errors).toBeGreaterThan(0);
});

it('does the same in runTools, and sends an error for calls that did not run', async () => {
  const { ran, told } = await checkLoopCalls(rounds(500));
  expect(ran).toBeGreaterThan(0);
  expect(told).toBeGreaterThan(0);
});
