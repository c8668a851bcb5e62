import { expect, it } from 'vitest';
import { checkDeferredLoops } from '../src/tools/deferredLoops.ts';
import { checkLoops } from '../src/tools/loops.ts';

it('answers each call that it keeps, once and in order, in thousands of loops', () => {
  const outcomes = checkLoops(4_000);
  expect(outcomes.get('continue')).toBeGreaterThan(1_000);
});

it('runs no call twice, and none of a withdrawn tool, in thousands of loops with deferred calls and subagents', () => {
  const counts = checkDeferredLoops(4_000);
  expect(counts.get('loop')).toBeGreaterThan(3_800);
  expect(counts.get('interrupted')).toBeGreaterThan(500);
  expect(counts.get('unknown_tool')).toBeGreaterThan(100);
  expect(counts.get('resumed')).toBeGreaterThan(100);
  expect(counts.get('interrupted again')).toBeGreaterThan(20);
});
